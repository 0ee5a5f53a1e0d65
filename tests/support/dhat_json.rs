//! A reader of dhat's JSON that shares no code with the crate's writer.
//!
//! It refuses what Valgrind's viewer refuses (missing keys, two equal stacks) and what the
//! viewer would show wrongly without a word (a frame index out of range, a frame listed twice).

use std::collections::HashSet;
use std::fmt;
use std::ops::AddAssign;
use std::path::Path;

use serde_json::Value;

/// dhat's names of a program point's numbers, in the order of [`Counters`].
pub(crate) const KEYS: [&str; 9] = ["tb", "tbk", "tl", "mb", "mbk", "gb", "gbk", "eb", "ebk"];

/// The nine numbers of a program point, or sums of them. A sum of `mb` is an upper bound.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters([u64; KEYS.len()]);

impl Counters {
    /// The number that dhat calls `key`.
    ///
    /// # Panics
    /// If dhat has no such number.
    pub(crate) fn get(&self, key: &str) -> u64 {
        let index = KEYS.iter().position(|known| *known == key);
        self.0[index.unwrap_or_else(|| panic!("dhat has no number called {key:?}"))]
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        for (sum, number) in self.0.iter_mut().zip(other.0) {
            *sum += number;
        }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(KEYS.iter().zip(self.0)).finish()
    }
}

/// One stack with its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The allocations there.
    pub(crate) counters: Counters,
    /// Indices into [`Report::frames`], innermost first.
    pub(crate) stack: Vec<usize>,
}

/// A whole file.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Time of the peak and of the end, in the file's own unit.
    pub(crate) peak_time: u64,
    /// See `peak_time`.
    pub(crate) end_time: u64,
    /// The stacks.
    pub(crate) points: Vec<Point>,
    /// The frame table; entry 0 is `[root]`.
    pub(crate) frames: Vec<String>,
    /// The file as it is, for keys that only one writer has.
    pub(crate) json: Value,
}

impl Report {
    /// Reads a file.
    ///
    /// # Panics
    /// If it cannot be read or is not a sound report.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Reads the text of a file with block lifetimes.
    ///
    /// # Errors
    /// The error says for a person how the text is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        check_header(&json)?;
        let frames = read_frames(&json)?;
        let points = read_points(&json, frames.len())?;
        let report = Self {
            peak_time: number(&json, "tg")?,
            end_time: number(&json, "te")?,
            points,
            frames,
            json,
        };
        report.check_times().map(|()| report)
    }

    /// All points together.
    pub(crate) fn sum(&self) -> Counters {
        let mut sum = Counters::default();
        for point in &self.points {
            sum += point.counters;
        }
        sum
    }

    /// The frames of a point, innermost first.
    pub(crate) fn stack<'a>(&'a self, point: &'a Point) -> impl Iterator<Item = &'a str> {
        point.stack.iter().map(|index| self.frames[*index].as_str())
    }

    fn check_times(&self) -> Result<(), String> {
        if self.end_time == 0 {
            return Err("te is 0: the viewer divides by it".into());
        }
        if self.peak_time > self.end_time {
            return Err(format!("tg {} is later than te {}", self.peak_time, self.end_time));
        }
        Ok(())
    }

    /// Numbers that cannot be true of an exact profiler. Empty: none.
    ///
    /// Not for Valgrind: its `mb` is only brought up to date while the whole heap grows
    /// beyond its maximum.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        const NOT_ABOVE: [(&str, &str); 8] = [
            ("gb", "mb"),
            ("eb", "mb"),
            ("mb", "tb"),
            ("gb", "tb"),
            ("eb", "tb"),
            ("mbk", "tbk"),
            ("gbk", "tbk"),
            ("ebk", "tbk"),
        ];
        let mut found = Vec::new();
        for (index, point) in self.points.iter().enumerate() {
            let get = |key| point.counters.get(key);
            for (small, large) in NOT_ABOVE {
                if get(small) > get(large) {
                    found.push(format!(
                        "point {index}: {small} {} is above {large} {}",
                        get(small),
                        get(large)
                    ));
                }
            }
            if u128::from(get("tl")) > u128::from(get("tbk")) * u128::from(self.end_time) {
                found.push(format!(
                    "point {index}: {} blocks lived {} in a run of {}",
                    get("tbk"),
                    get("tl"),
                    self.end_time
                ));
            }
        }
        found
    }
}

fn check_header(json: &Value) -> Result<(), String> {
    if number(json, "dhatFileVersion")? != 2 {
        return Err("dhatFileVersion is not 2".into());
    }
    for key in ["mode", "verb", "tu", "Mtu", "cmd"] {
        if !field(json, key)?.is_string() {
            return Err(format!("{key} is not a string"));
        }
    }
    for key in ["pid", "tuth"] {
        number(json, key)?;
    }
    if !field(json, "bkacc")?.is_boolean() {
        return Err("bkacc is not true or false".into());
    }
    match field(json, "bklt")? {
        Value::Bool(true) => Ok(()),
        _ => Err("bklt is not true: peak and end would be greyed out in the viewer".into()),
    }
}

fn read_frames(json: &Value) -> Result<Vec<String>, String> {
    let mut frames = Vec::new();
    let mut seen = HashSet::new();
    for frame in array(json, "ftbl")? {
        let text = frame.as_str().ok_or("a frame is not a string")?;
        if !seen.insert(text) {
            return Err(format!("frame {text:?} is listed twice"));
        }
        frames.push(text.to_owned());
    }
    if frames.first().map(String::as_str) != Some("[root]") {
        return Err("the first frame is not [root]".into());
    }
    Ok(frames)
}

fn read_points(json: &Value, frames: usize) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    let mut seen = HashSet::new();
    for (index, json) in array(json, "pps")?.iter().enumerate() {
        let point = read_point(json, frames).map_err(|error| format!("point {index}: {error}"))?;
        if !seen.insert(point.stack.clone()) {
            return Err(format!("point {index}: its stack is listed twice"));
        }
        points.push(point);
    }
    Ok(points)
}

fn read_point(json: &Value, frames: usize) -> Result<Point, String> {
    let mut counters = Counters::default();
    for (counter, key) in counters.0.iter_mut().zip(KEYS) {
        *counter = number(json, key)?;
    }
    let mut stack = Vec::new();
    for index in array(json, "fs")? {
        let index = index.as_u64().ok_or("a frame index is not a whole number")?;
        // Entry 0 is the root, which the viewer puts in front of every stack itself.
        if index == 0 || index >= frames as u64 {
            return Err(format!("frame index {index} is not in 1..{frames}"));
        }
        stack.push(index as usize);
    }
    Ok(Point { counters, stack })
}

fn field<'a>(json: &'a Value, key: &str) -> Result<&'a Value, String> {
    json.get(key).ok_or_else(|| format!("{key} is missing"))
}

fn number(json: &Value, key: &str) -> Result<u64, String> {
    field(json, key)?.as_u64().ok_or_else(|| format!("{key} is not a whole number from 0 on"))
}

fn array<'a>(json: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    field(json, key)?.as_array().ok_or_else(|| format!("{key} is not a list"))
}
