//! `/metrics`: the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use mod_alloc::recording::model::{Group, Recording};

use crate::watched::resident_bytes;

use super::http::Answer;
use super::push::{Amount, Cause, Counts, Outcome};
use super::served::Served;
use super::sources::{Ended, with};
use super::subject::{Condition, Subject};

pub(super) fn answer(served: &Served) -> Answer {
    let subjects = match served.subjects() {
        Ok(subjects) => subjects,
        Err(answer) => return answer,
    };
    let found = subjects.iter().map(|subject| with(subject, Subject::condition));
    let found: Vec<_> = found.collect();
    let unread = found.iter().filter(|found| found.is_err()).count();
    let found: Vec<Condition> = found.into_iter().flatten().collect();
    let mut text = text(&found, served.ended(), unread);
    if served.is_pushed {
        let mut pushed = Text(String::new());
        pushed.pushed(&served.pushed.counts());
        text.push_str(&pushed.0);
    }
    Answer::new("text/plain; version=0.0.4; charset=utf-8", text.into_bytes())
}

/// The families, each with a sample of every process.
fn text(found: &[Condition], ended: Ended, unread: usize) -> String {
    let mut text = Text(String::new());
    text.family("mod_alloc_up", "gauge", "1: the process runs", found, |one| {
        u8::from(one.is_running)
    });
    type Number = fn(&Condition) -> u64;
    let numbers: [(&str, &str, &str, Number); 6] = [
        ("live_bytes", "gauge", "Bytes allocated and not freed", |one| one.sums.end_bytes),
        ("live_blocks", "gauge", "Blocks allocated and not freed", |one| one.sums.end_blocks),
        ("peak_bytes", "gauge", "The most bytes that were live", |one| one.sums.peak_bytes),
        ("allocated_bytes_total", "counter", "Bytes ever allocated", |one| one.sums.total_bytes),
        ("allocated_blocks_total", "counter", "Blocks ever allocated", |one| one.sums.total_blocks),
        ("sites", "gauge", "Call sites that have allocated", |one| {
            one.recording.sites.len() as u64
        }),
    ];
    for (name, kind, help, number) in numbers {
        text.family(&format!("mod_alloc_{name}"), kind, help, found, number);
    }
    text.family(
        "mod_alloc_allocated_bytes_per_second",
        "gauge",
        "Bytes allocated per second since a request at least a second ago",
        found,
        |one| one.bytes_per_second,
    );
    text.family(
        "mod_alloc_recorded_seconds",
        "gauge",
        "Time since recording began",
        found,
        |one| one.recording.end_micros as f64 / 1e6,
    );
    text.family(
        "mod_alloc_sampling_gap_bytes",
        "gauge",
        "Bytes between two samples on average; 0: every block is recorded",
        found,
        |one| one.recording.sampling.map_or(0, |sampling| sampling.mean_gap),
    );
    text.resident(found);
    text.losses(found);
    text.groups(found);
    text.ended(ended);
    text.head("mod_alloc_unread_recordings", "gauge", "Recordings that cannot be read now");
    text.line("mod_alloc_unread_recordings", &[], &unread);
    text.0
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // A string takes everything.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn family<N: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        found: &[Condition],
        number: impl Fn(&Condition) -> N,
    ) {
        self.head(name, kind, help);
        for one in found {
            self.line(name, &labels(&one.recording), &number(one));
        }
    }

    fn resident(&mut self, found: &[Condition]) {
        let name = "mod_alloc_resident_bytes";
        self.head(name, "gauge", "Memory of the process, as the kernel counts it");
        for one in found.iter().filter(|one| one.is_running) {
            if let Some(bytes) = resident_bytes(one.recording.pid) {
                self.line(name, &labels(&one.recording), &bytes);
            }
        }
    }

    fn ended(&mut self, ended: Ended) {
        for (name, help, number) in [
            ("processes_total", "Processes of the run that have ended", ended.processes),
            ("allocated_bytes_total", "Bytes that they ever allocated", ended.total_bytes),
            ("allocated_blocks_total", "Blocks that they ever allocated", ended.total_blocks),
        ] {
            let name = format!("mod_alloc_ended_{name}");
            self.head(&name, "counter", help);
            self.line(&name, &[], &number);
        }
    }

    fn pushed(&mut self, counts: &Counts) {
        let name = "mod_alloc_pushes_total";
        self.head(name, "counter", "Profiles that were pushed, by outcome");
        for (outcome, number) in Outcome::ALL.into_iter().zip(counts.outcomes) {
            self.line(name, &[("outcome", outcome.key().to_owned())], &number);
        }
        let dropped = Cause::ALL.into_iter().zip(counts.dropped);
        let dropped: Vec<(Cause, Amount)> = dropped.collect();
        type Number = fn(&Amount) -> u64;
        let numbers: [(&str, &str, Number); 2] = [
            ("bytes", "Bytes", |amount| amount.bytes),
            ("blocks", "Blocks", |amount| amount.blocks),
        ];
        for (unit, what, number) in numbers {
            let name = format!("mod_alloc_pushed_{unit}_total");
            self.head(&name, "counter", &format!("{what} allocated, in pushes that were taken"));
            self.line(&name, &[], &number(&counts.taken));
            let name = format!("mod_alloc_push_dropped_{unit}_total");
            self.head(&name, "counter", &format!("{what} allocated that no push has, by cause"));
            for (cause, amount) in &dropped {
                self.line(&name, &[("cause", cause.key().to_owned())], &number(amount));
            }
        }
    }

    fn losses(&mut self, found: &[Condition]) {
        let name = "mod_alloc_losses_total";
        self.head(name, "counter", "What was not recorded in full, by cause");
        for one in found {
            for (loss, figure) in one.recording.losses.iter() {
                let mut labels = labels(&one.recording).to_vec();
                labels.push(("cause", loss.key.to_owned()));
                self.line(name, &labels, &figure);
            }
        }
    }

    fn groups(&mut self, found: &[Condition]) {
        type Number = fn(&Group) -> u64;
        let families: [(&str, &str, &str, Number); 4] = [
            ("live_bytes", "gauge", "Bytes allocated and not freed", |group| group.end_bytes),
            ("live_blocks", "gauge", "Blocks allocated and not freed", |group| group.end_blocks),
            ("allocated_bytes_total", "counter", "Bytes ever allocated", |group| group.total_bytes),
            ("allocated_blocks_total", "counter", "Blocks ever allocated", |group| {
                group.total_blocks
            }),
        ];
        for (name, kind, help, number) in families {
            let name = format!("mod_alloc_group_{name}");
            self.head(&name, kind, &format!("{help}, by group"));
            for one in found {
                for (group, numbers) in by_name(&one.recording, number) {
                    let mut labels = labels(&one.recording).to_vec();
                    labels.push(("group", group.to_owned()));
                    self.line(&name, &labels, &numbers);
                }
            }
        }
    }

    fn line(&mut self, name: &str, labels: &[(&str, String)], number: &dyn Display) {
        let labels = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let labels: Vec<String> = labels.collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {number}");
    }
}

/// The groups with a name, those of one name together: a series must not come twice.
fn by_name(recording: &Recording, number: fn(&Group) -> u64) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for group in recording.groups.iter().filter(|group| !group.name.is_empty()) {
        let sum: &mut u64 = sums.entry(group.name.as_str()).or_default();
        *sum = sum.saturating_add(number(group));
    }
    sums
}

/// A process's labels. The command line is not among them: it may hold secrets.
fn labels(recording: &Recording) -> [(&'static str, String); 2] {
    let program = recording.executable.file_name().unwrap_or_default();
    [("pid", recording.pid.to_string()), ("program", program.to_string_lossy().into_owned())]
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_groups_of_one_name_are_one() {
        let mut recording = Recording::default();
        recording.executable = "/bin/a\"b\\c\nd".into();
        for live in [3, 4] {
            let mut group = Group::default();
            (group.name, group.end_bytes) = ("g".into(), live);
            recording.groups.push(group);
        }
        let sums = Default::default();
        let one = Condition { recording, is_running: true, sums, bytes_per_second: 0.5 };
        let ended = Ended { processes: 3, total_bytes: 70, total_blocks: 5 };
        let text = text(&[one], ended, 2);
        let label = r#"pid="0",program="a\"b\\c\nd""#;
        assert!(text.contains(&format!("mod_alloc_up{{{label}}} 1\n")), "{text}");
        assert!(text.contains(&format!("live_bytes{{{label},group=\"g\"}} 7\n")), "{text}");
        assert!(text.contains("mod_alloc_unread_recordings 2\n"), "{text}");
        assert!(text.contains("mod_alloc_ended_allocated_bytes_total 70\n"), "{text}");
    }
}
