set confirm off
set pagination off
set debuginfod enabled off
set style enabled off
set print inferior-events off
python
import gdb, json, re, sqlite3
class Stop(gdb.Breakpoint):
    def stop(self):
        print("python", len(json.dumps([str(n) for n in range(5000)])), re.sub("a", "b", "aaa"))
        return True
Stop("case_calloc")
end
run calloc
bt
info locals
finish
python print(gdb.selected_frame().name())
kill
quit 5
