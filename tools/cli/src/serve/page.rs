//! `/`: the report's page, of now.

use crate::html::{self, Options, Shown};

use super::http::{Answer, Request};
use super::profile::{chosen, sum};
use super::served::Served;
use super::sources::with;

pub(super) fn answer(served: &Served, request: &Request) -> Answer {
    made(served, request).unwrap_or_else(|answer| answer)
}

fn made(served: &Served, request: &Request) -> Result<Answer, Answer> {
    let (mut documents, mut troubles) = (Vec::new(), Vec::new());
    for subject in chosen(served, request)? {
        match with(&subject, |subject| subject.whole()) {
            Ok(document) => documents.push(document),
            Err(trouble) => troubles.push(trouble),
        }
    }
    let document = sum(documents, &troubles)?;
    let options = Options { metric: Some("end"), source: false };
    let mut page = Vec::new();
    let written = html::write(Shown::One(&document), options, &mut page);
    written.map_err(|error| Answer::text(500, &format!("the page cannot be made: {error}")))?;
    Ok(Answer::new("text/html; charset=utf-8", page))
}
