//! The picture.

use std::io::{self, Write};

use crate::dhat_file::{Document, Numbers};
use crate::export::metric::{self, Metric};
use crate::export::names::Names;
use crate::report::names::{command_line, cut, function};
use crate::units::{Count, Counted, Micros, Share};

use super::color;
use super::layout::{Frame, Layout, MOST_LEVELS, WIDTH};
use super::xml::escaped;

/// Pixels between the picture's edge and what is in it.
const EDGE: f64 = 10.0;
/// The first frame's distance from the top.
const TOP: f64 = 58.0;
/// The distance of a frame from the one below it.
const ROW: f64 = 18.0;
/// The width of a letter.
const LETTER: f64 = 6.7;
/// Letters that fit into a line of the head.
const LINE: usize = 160;

const STYLE: &str = ".page{fill:#fff}text{font:11px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;\
fill:#1b1b1b}.head{font:600 15px system-ui,sans-serif}.line{font:12px system-ui,sans-serif;fill:#5b5b5b}\
rect{stroke:#fff;stroke-width:.6}.all{fill:#dcdcdc}g:hover rect{stroke:#000}";
const DARK: &str = ".page{fill:#16181c}text{fill:#ececec}.line{fill:#a8a8a8}rect{stroke:#16181c}\
.all{fill:#3a3d42}g:hover rect{stroke:#fff}";

/// A picture of a metric of a document.
pub(super) struct Picture<'p, 'd> {
    pub(super) document: &'d Document,
    pub(super) metric: Metric,
    pub(super) names: &'p Names<'d>,
    pub(super) layout: &'p Layout,
}

impl Picture<'_, '_> {
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let levels = self.layout.frames.iter().map(|frame| frame.level + 1).max().unwrap_or(0);
        let (width, height) = (WIDTH + 2.0 * EDGE, TOP + f64::from(levels) * ROW + EDGE);
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">"
        )?;
        let title = self.title();
        writeln!(out, "<title>{}</title>", escaped(&title))?;
        let (light, dark) = (color::rules(false), color::rules(true));
        writeln!(
            out,
            "<style>{STYLE}{light}@media(prefers-color-scheme:dark){{{DARK}{dark}}}</style>"
        )?;
        writeln!(out, "<rect class=\"page\" width=\"100%\" height=\"100%\"/>")?;
        line(out, "head", 24.0, &title)?;
        line(out, "line", 44.0, &self.facts())?;
        self.layout.frames.iter().try_for_each(|frame| self.frame(frame, out))?;
        out.write_all(b"</svg>\n")
    }

    fn title(&self) -> String {
        let title = metric::title(self.metric, self.document);
        format!("{title}: {}", self.amount(self.layout.total))
    }

    /// The run, and what is not drawn.
    fn facts(&self) -> String {
        let layout = self.layout;
        let stacks = self.document.sites.len() as u64;
        let mut facts = vec![Counted { count: stacks, one: "stack", many: "stacks" }.to_string()];
        let frames = |count| Counted { count, one: "frame", many: "frames" };
        if layout.too_narrow > 0 {
            let (frames, narrowest) = (frames(layout.too_narrow), layout.narrowest);
            let least = share(narrowest / WIDTH);
            facts.push(format!("{frames} narrower than {narrowest:.1} px ({least}) not drawn"));
        }
        if layout.too_deep > 0 {
            let frames = frames(layout.too_deep);
            facts.push(format!("{frames} below level {MOST_LEVELS} not drawn"));
        }
        let facts = facts.join(" · ");
        let room = LINE.saturating_sub(facts.chars().count());
        format!("{} · {facts}", command_line(&self.document.command, room))
    }

    fn amount(&self, number: u128) -> String {
        metric::amount(self.metric, self.document, u64::try_from(number).unwrap_or(u64::MAX))
    }

    fn frame(&self, frame: &Frame, out: &mut dyn Write) -> io::Result<()> {
        let name = match frame.name {
            Some(name) => &*self.names.all[name as usize],
            None => "all",
        };
        let class = if frame.name.is_some() { color::class(name) } else { "all".into() };
        let (left, top) = (EDGE + frame.left, TOP + f64::from(frame.level) * ROW);
        write!(out, "<g><title>{}\n{}</title>", escaped(name), self.words(frame))?;
        let (width, height) = (frame.width, ROW - 1.0);
        write!(
            out,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\"/>"
        )?;
        let room = ((width - 6.0) / LETTER) as usize;
        if room >= 3 {
            let (x, y) = (left + 3.0, top + 12.5);
            let name = escaped(&short(name, room));
            write!(out, "<text x=\"{x:.1}\" y=\"{y}\">{name}</text>")?;
        }
        out.write_all(b"</g>\n")
    }

    /// The numbers of a frame, a line each.
    fn words(&self, frame: &Frame) -> String {
        let title = metric::title(self.metric, self.document);
        let share = share(frame.number as f64 / self.layout.total as f64);
        let mut lines = vec![format!("{title}: {} ({share})", self.amount(frame.number))];
        if frame.own > 0 && frame.own < frame.number {
            lines.push(format!(
                "of which not in a function called by it: {}",
                self.amount(frame.own)
            ));
        }
        lines.extend(self.counters(&frame.numbers));
        escaped_lines(&lines)
    }

    /// All that a report knows of the stacks of a frame.
    fn counters(&self, numbers: &Numbers) -> Vec<String> {
        let document = self.document;
        let all = [
            (Metric::Total, numbers.total_bytes, numbers.total_blocks),
            (Metric::Peak, numbers.peak_bytes, numbers.peak_blocks),
            (Metric::End, numbers.end_bytes, numbers.end_blocks),
        ];
        let known = all.into_iter().filter(|(metric, ..)| metric.is_known(document));
        let mut lines: Vec<String> = known
            .map(|(metric, bytes, blocks)| {
                let title = metric::title(metric, document);
                let bytes = metric::amount(metric, document, bytes);
                format!("{title}: {bytes} in {}", metric::amount(Metric::Blocks, document, blocks))
            })
            .collect();
        if let Some(mean) = numbers.mean_lifetime().filter(|_| document.knows_frees()) {
            let mean = match document.micros() {
                Some(micros) => Micros(mean * micros).to_string(),
                None => format!("{} {}", Count(mean as u64), document.time_unit),
            };
            lines.push(format!("A block lives {mean} on average"));
        }
        lines
    }
}

fn escaped_lines(lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| escaped(line)).collect();
    lines.join("\n")
}

/// The end of a path that has room, from the beginning of one of its parts on; a last part that has
/// none is cut.
fn short(name: &str, room: usize) -> String {
    let fits = |part: &&str| part.chars().count() <= room;
    let mut parts = parts(name);
    let last = *parts.last().unwrap_or(&name);
    parts.insert(0, name);
    parts.into_iter().find(fits).map_or_else(|| function(last, room), String::from)
}

/// The ends of a path that begin after a `::` outside of all brackets, the longest first.
fn parts(name: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut parts = Vec::new();
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'{' | b'[' => depth += 1,
            b'>' | b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && name[..at].ends_with(':') => parts.push(&name[at + 1..]),
            _ => {}
        }
    }
    parts
}

/// A share of 0 to 1 in percent.
fn share(share: f64) -> String {
    const WHOLE: u64 = 1_000_000_000;
    Share { part: (share * WHOLE as f64) as u64, whole: WHOLE }.to_string()
}

/// A line of the head.
fn line(out: &mut dyn Write, class: &str, y: f64, text: &str) -> io::Result<()> {
    writeln!(
        out,
        "<text class=\"{class}\" x=\"{EDGE}\" y=\"{y}\">{}</text>",
        escaped(&cut(text, LINE))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_beginning_first() {
        let name = "<a::B as c::D>::e::<f::G>::run";
        assert_eq!(short(name, 30), name);
        assert_eq!(short(name, 29), "e::<f::G>::run");
        assert_eq!(short(name, 13), "<f::G>::run");
        assert_eq!(short(name, 10), "run");
        assert_eq!(short(name, 2), "…n");
        assert_eq!(short("a::b::", 5), "b::");
        for name in ["", "::", "ü::ä", "a>::<b", "main"] {
            assert!((1..9).all(|room| short(name, room).chars().count() <= room), "{name}");
        }
    }
}
