//! Programs that do one step when they are told to and say when it is done, so that a table's numbers
//! are known.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Does what each line of its input says, and answers with a line.
const SCRIPT: &str = "
import os, sys
kept = []
print('ready', flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == 'exec':
        os.execv('/usr/bin/python3', ['python3', '-c', os.environ['STEPS']])
    kept.append(bytearray(int(word)))
    print('done', flush=True)
";

/// A recorded program that waits to be told.
pub(crate) struct Program {
    pub(crate) child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Program {
    pub(crate) fn start(test: &str, children: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("top").join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", SCRIPT]).env("STEPS", SCRIPT);
        command.env("LD_PRELOAD", env!("MOD_ALLOC_PRELOAD_LIBRARY"));
        command.env("MOD_ALLOC_RECORD", folder.join("recording.%p"));
        command.env("MOD_ALLOC_CHILDREN", children);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, input, output, folder };
        assert_eq!(program.answer(), "ready");
        program
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub(crate) fn tell(&mut self, word: &str) -> String {
        writeln!(self.input, "{word}").unwrap();
        self.answer()
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn recording(&self) -> PathBuf {
        self.folder.join(format!("recording.{}", self.child.id()))
    }

    pub(crate) fn end(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}
