//! `mod-alloc completions`, in shells that a person types into.
//!
//! The commands are functions there, which print their arguments: a line is typed with tabs in it,
//! and what it has become is what they print.

#[expect(dead_code, reason = "each test file uses its part")]
mod pty_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};

use pty_support::{Terminal, lead_session};
use run_support::Scratch;

/// Stands before a line that is typed; the shell makes it of two parts.
const PROMPT: &str = "READY> ";

struct Shell {
    terminal: Terminal,
    child: Child,
}

impl Shell {
    /// Starts a shell in the folder of `scratch`; `set_up` are commands, one in each line.
    fn start(scratch: &Scratch, words: &[&str], set_up: &str) -> Self {
        let programs = scratch.join("bin");
        fs::create_dir_all(&programs).unwrap();
        let program = programs.join("zz-unique-program");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(scratch.join("heap.json"), "{}").unwrap();
        let ours = Path::new(env!("CARGO_BIN_EXE_mod-alloc")).parent().unwrap();
        // Shells start programs of their own: Debian's, whatever stands before them elsewhere.
        let cargo = Path::new(env!("CARGO")).parent().unwrap();
        let homes = std::env::var("CARGO_HOME");
        let home = homes.unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap()));
        let path = format!("{}:{home}/bin:/usr/local/bin:/usr/bin:/bin", cargo.display());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(scratch.path()).env("HOME", scratch.path());
        command.env("PATH", format!("{}:{}:{path}", programs.display(), ours.display()));
        for name in ["CARGO_HOME", "RUSTUP_HOME"] {
            let folder = format!(".{}", name.split('_').next().unwrap().to_lowercase());
            let home = std::env::var(name)
                .unwrap_or_else(|_| format!("{}/{folder}", std::env::var("HOME").unwrap()));
            command.env(name, home);
        }
        command.env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME").env_remove("ENV");
        let mut terminal = Terminal::open(50, 200);
        terminal.connect(&mut command);
        command.env("LC_ALL", "C.UTF-8");
        lead_session(&mut command);
        let child = command.spawn().expect("the shell is installed (tools/check/setup does it)");
        drop(command);
        for line in set_up.lines() {
            terminal.press(&format!("{line}\r"));
        }
        terminal.wait_for(PROMPT);
        Self { terminal, child }
    }

    /// Types `keys` and the key Enter; gives the arguments that the command had.
    fn line(&mut self, keys: &str) -> String {
        let from = self.terminal.text().len();
        self.terminal.press(&format!("{keys}\r"));
        let after = |seen: &str| {
            let (_, rest) = seen[from..].split_once("GOT[")?;
            let (words, rest) = rest.split_once(']')?;
            rest.contains(PROMPT).then(|| words.to_owned())
        };
        self.terminal.wait_until(keys, |seen| after(seen).is_some());
        after(&self.terminal.text()).unwrap()
    }

    /// The commands of `mod-alloc` and what follows them.
    fn completes_ours(&mut self) {
        for (keys, words) in [
            ("mod-alloc rec\t", "recover"),
            ("mod-alloc exp\t --t\t coll\t hea\t", "export --to collapsed heap.json"),
            ("mod-alloc report hea\t", "report heap.json"),
            ("mod-alloc report --stac\t", "report --stacks"),
            ("mod-alloc diff --color nev\t --fail-a\t", "diff --color never --fail-above"),
        ] {
            assert_eq!(self.line(keys), words, "{keys:?}: {}", self.terminal.text());
        }
    }

    /// Programs after `run`.
    fn completes_programs(&mut self) {
        for (keys, words) in [
            ("mod-alloc run zz-un\t", "run zz-unique-program"),
            ("mod-alloc run --chil\t y\t zz-un\t", "run --children yes zz-unique-program"),
            (
                "mod-alloc run -o hea\t zz-un\t hea\t",
                "run -o heap.json zz-unique-program heap.json",
            ),
        ] {
            assert_eq!(self.line(keys), words, "{keys:?}: {}", self.terminal.text());
        }
    }

    /// The commands of `cargo mod-alloc`.
    fn completes_in_cargo(&mut self) {
        for (keys, words) in [
            ("cargo mod-al\t", "mod-alloc"),
            ("cargo mod-alloc rec\t", "mod-alloc recover"),
            ("cargo mod-alloc ben\t --chil\t ye\t", "mod-alloc bench --children yes"),
            ("cargo mod-alloc report hea\t", "mod-alloc report heap.json"),
        ] {
            assert_eq!(self.line(keys), words, "{keys:?}: {}", self.terminal.text());
        }
    }

    /// Words that cargo's own script knows.
    fn leaves_cargo_s_own(&mut self) {
        assert_eq!(self.line("cargo metad\t"), "metadata", "{}", self.terminal.text());
        let words = self.line("cargo build --rele\t");
        assert_eq!(words, "build --release", "{}", self.terminal.text());
    }

    fn end(mut self) {
        self.terminal.press("exit\r");
        self.child.wait().unwrap();
    }
}

/// The folder of the Rust compiler, which has scripts for cargo.
fn sysroot() -> String {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const BASH: &str = r#"PS1='> '; bind 'set enable-bracketed-paste off'
source <(mod-alloc completions bash)
mod-alloc() { echo "GOT[$*]"; }
cargo() { if [ "$1" = --list ]; then command cargo --list; else echo "GOT[$*]"; fi; }
P=REA; PS1="${P}DY> "
"#;

const IN_BASH: [&str; 4] = ["bash", "--norc", "--noprofile", "-i"];

#[test]
fn bash_alone() {
    let scratch = Scratch::new("bash");
    let mut shell = Shell::start(&scratch, &IN_BASH, BASH);
    shell.completes_ours();
    shell.completes_programs();
    assert_eq!(
        shell.line("mod-alloc run --children=y\t zz-un\t"),
        "run --children=yes zz-unique-program"
    );
    assert_eq!(shell.line("mod-alloc run -- zz-un\t"), "run -- zz-unique-program");
    shell.completes_in_cargo();
    shell.end();
}

/// With Debian's scripts, which load that of cargo when it is needed, and know programs' arguments.
#[test]
fn bash_with_bash_completion() {
    let scratch = Scratch::new("bash-completion");
    let folder = scratch.join(".local/share/bash-completion/completions");
    fs::create_dir_all(&folder).unwrap();
    let cargo = format!("{}/etc/bash_completion.d/cargo", sysroot());
    fs::copy(cargo, folder.join("cargo")).expect("the compiler has it");
    let set_up = format!("source /usr/share/bash-completion/bash_completion\n{BASH}");
    let mut shell = Shell::start(&scratch, &IN_BASH, &set_up);
    shell.completes_ours();
    shell.completes_programs();
    shell.leaves_cargo_s_own();
    shell.completes_in_cargo();
    shell.leaves_cargo_s_own();
    shell.terminal.press("complete -W 'apple pear' zz-unique-program\r");
    assert_eq!(shell.line("mod-alloc run zz-un\t pe\t"), "run zz-unique-program pear");
    shell.end();
    // Without a way to find it later, that of cargo is there before ours.
    let own = format!("source {}/cargo\n", folder.display());
    let set_up = format!("source /usr/share/bash-completion/bash_completion\n{own}{BASH}");
    let mut shell = Shell::start(&scratch, &IN_BASH, &set_up);
    shell.leaves_cargo_s_own();
    shell.completes_in_cargo();
    shell.end();
}

const ZSH: &str = r#"PROMPT='> '; unset zle_bracketed_paste; unsetopt prompt_cr prompt_sp
autoload -Uz compinit && compinit -u -D
source <(mod-alloc completions zsh)
mod-alloc() { echo "GOT[$*]"; }
cargo() { if [ "$1" = --list ]; then command cargo --list; else echo "GOT[$*]"; fi; }
P=REA; PROMPT="${P}DY> "
"#;

#[test]
fn zsh() {
    let scratch = Scratch::new("zsh");
    let mut shell = Shell::start(&scratch, &["zsh", "-f", "-i"], ZSH);
    shell.completes_ours();
    shell.completes_programs();
    shell
        .terminal
        .press("_zz() { compadd apple pear heap.json; }; compdef _zz zz-unique-program\r");
    assert_eq!(shell.line("mod-alloc run zz-un\t pe\t"), "run zz-unique-program pear");
    shell.completes_in_cargo();
    shell.end();
}

#[test]
fn zsh_with_cargo_s_own() {
    let scratch = Scratch::new("zsh-cargo");
    let set_up = format!("fpath+=({}/share/zsh/site-functions)\n{ZSH}", sysroot());
    let mut shell = Shell::start(&scratch, &["zsh", "-f", "-i"], &set_up);
    shell.completes_in_cargo();
    shell.leaves_cargo_s_own();
    shell.end();
}

/// As packages install it: a file of a folder that zsh searches.
#[test]
fn zsh_by_a_file() {
    let scratch = Scratch::new("zsh-file");
    let script = scratch.run(&["completions", "zsh"]).stdout;
    fs::create_dir(scratch.join("functions")).unwrap();
    fs::write(scratch.join("functions/_mod-alloc"), script).unwrap();
    let set_up = ZSH.replace("source <(mod-alloc completions zsh)\n", "");
    let set_up = format!("fpath+=($PWD/functions)\n{set_up}");
    let mut shell = Shell::start(&scratch, &["zsh", "-f", "-i"], &set_up);
    shell.completes_ours();
    shell.completes_programs();
    shell.end();
}

const FISH: &str = r#"function fish_prompt; echo '> '; end
mod-alloc completions fish | source
function mod-alloc; echo "GOT[$argv]"; end
function cargo; if test "$argv[1]" = --list; command cargo --list; else; echo "GOT[$argv]"; end; end
complete -c zz-unique-program -f -a 'apple pear heap.json'
set P REA; function fish_prompt; echo $P"DY> "; end
"#;

#[test]
fn fish() {
    let scratch = Scratch::new("fish");
    let mut shell = Shell::start(&scratch, &["fish", "--private"], FISH);
    shell.completes_ours();
    shell.completes_programs();
    assert_eq!(shell.line("mod-alloc run zz-un\t pe\t"), "run zz-unique-program pear");
    shell.completes_in_cargo();
    shell.leaves_cargo_s_own();
    shell.end();
}
