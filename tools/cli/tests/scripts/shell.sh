# Pipes, subshells, traps, functions, here-documents, background jobs; and the whole environment.
set -u
trap 'echo "trapped exit $?"' EXIT
trap 'echo "trapped usr1"' USR1
numbers() { seq 1 2000 | while read -r n; do echo $((n * n)); done; }
numbers | tail -n 2
(
    cd / && pwd
    exit 3
)
echo "subshell $?"
kill -USR1 $$
text=$(printf 'x%.0s' {1..5000})
echo "${#text} ${text//x/yy}" | cut -c 1-40
declare -A map
for word in one two three; do map[$word]=${word^^}; done
echo "${map[two]}" "${#map[@]}"
cat <<END
here $((6 * 7))
END
env | LC_ALL=C sort
echo to-error >&2
false | true
echo "${PIPESTATUS[@]}"
{ sleep 0.01; exit 4; } &
wait $!
echo "job $?"
mapfile -t lines < <(seq 1 500)
echo "${#lines[@]}"
exec 9>&1
echo through >&9
# Its number is in what is said of it.
{ bash -c 'kill -SEGV $$'; } 2>/dev/null
echo "crashed $?"
exit 17
