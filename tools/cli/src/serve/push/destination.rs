//! The collector that is pushed to.

use std::path::PathBuf;
use std::time::Duration;

use ureq::http::Uri;

use crate::otlp;

use super::options::{Form, Pushing};

/// Pyroscope's path.
const INGEST: &str = "/ingest";
/// If the command line says nothing.
const PERIOD: Duration = Duration::from_secs(15);

/// The collector, and what it is told of the program.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    /// Without a query.
    pub(super) url: String,
    pub(super) form: Form,
    pub(super) every: Duration,
    /// `None`: the program's.
    pub(super) name: Option<String>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) auth_file: Option<PathBuf>,
    /// The URL names this machine, or what is sent is encrypted.
    pub(super) is_private: bool,
}

impl Destination {
    /// The one that the options ask for.
    pub(crate) fn of(options: &Pushing) -> Result<Option<Self>, String> {
        let Some(text) = &options.url else { return Ok(None) };
        let wrong = |why: &str| format!("--push {text}: {why}");
        let uri: Uri = text.parse().map_err(|error| wrong(&format!("{error}")))?;
        let example =
            "http://HOST:4040/ingest and http://HOST:4318/v1development/profiles are URLs";
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong(example));
        };
        if !["http", "https"].contains(&scheme) || authority.host().is_empty() {
            return Err(wrong(example));
        }
        if authority.as_str().contains('@') {
            return Err(wrong("a password in a URL can be read by all: --push-auth-file FILE"));
        }
        if uri.query().is_some() {
            return Err(wrong("the query is made here; --push-label KEY=VALUE adds labels"));
        }
        let path = uri.path().trim_end_matches('/');
        let form = options.form.or_else(|| form_of(path)).ok_or_else(|| {
            wrong("the path tells no form; --push-as pyroscope or --push-as otlp does")
        })?;
        let path = if path.is_empty() { path_of(form) } else { path };
        let host = authority.host().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        Ok(Some(Self {
            url: format!("{scheme}://{authority}{path}"),
            form,
            every: options.period.unwrap_or(PERIOD),
            name: options.name.clone(),
            labels: options.labels.clone(),
            auth_file: options.auth_file.clone(),
            is_private: is_here || scheme == "https",
        }))
    }
}

impl Destination {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Between two pushes.
    pub(crate) fn period(&self) -> Duration {
        self.every
    }

    /// Pushes can be read on their way.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_private
    }
}

fn form_of(path: &str) -> Option<Form> {
    [Form::Pyroscope, Form::Otlp].into_iter().find(|form| path.ends_with(path_of(*form)))
}

fn path_of(form: Form) -> &'static str {
    match form {
        Form::Pyroscope => INGEST,
        Form::Otlp => otlp::PATH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, form: Option<Form>) -> Result<Destination, String> {
        let url = Some(url.to_owned());
        Destination::of(&Pushing { url, form, ..Pushing::default() }).map(Option::unwrap)
    }

    #[test]
    fn the_path_tells_the_form_and_the_form_the_path() {
        let ingest = of("http://[::1]:4040/pyroscope/ingest/", None).unwrap();
        assert_eq!(ingest.url, "http://[::1]:4040/pyroscope/ingest");
        assert_eq!((ingest.form, ingest.is_private), (Form::Pyroscope, true));
        let otlp = of("http://collector:4318/v1development/profiles", None).unwrap();
        assert_eq!((otlp.form, otlp.is_private), (Form::Otlp, false));
        let of_form = |form| of("https://collector", Some(form)).unwrap().url;
        assert_eq!(of_form(Form::Pyroscope), "https://collector/ingest");
        assert_eq!(of_form(Form::Otlp), "https://collector/v1development/profiles");
        assert_eq!(of("http://h/x", Some(Form::Otlp)).unwrap().url, "http://h/x");
    }

    #[test]
    fn urls_that_cannot_be_pushed_to_are_refused_with_the_way_out() {
        for (url, word) in [
            ("http://h:4040/", "--push-as"),
            ("localhost:4040", "http://HOST"),
            ("ftp://h/ingest", "http://HOST"),
            ("http://", "--push http://: "),
            ("http://a:b@h/ingest", "--push-auth-file"),
            ("http://h/ingest?name=a", "--push-label"),
        ] {
            let error = of(url, None).unwrap_err();
            assert!(error.contains(word), "{url}: {error}");
        }
    }
}
