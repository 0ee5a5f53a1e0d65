//! From a request's path to its answer.

use super::http::{Answer, Client, Delivered, Lane, Request};
use super::profile::{self, Kind};
use super::served::Served;
use super::{metrics, page};

/// The requests that this one shares slots with.
pub(super) fn lane(request: &Request) -> Lane {
    match request.path.as_str() {
        "/" => Lane::Page,
        path if path.starts_with("/debug/pprof/") => Lane::Profiles,
        _ => Lane::Numbers,
    }
}

/// The answer to a request that may be answered.
pub(super) fn answer(
    served: &Served,
    request: &Request,
    client: &Client<'_>,
) -> (Answer, Option<Delivered>) {
    let kind = match request.path.as_str() {
        "/debug/pprof/allocs" => Kind::Allocs,
        "/debug/pprof/heap" => Kind::Heap,
        "/debug/pprof/delta_heap" => Kind::DeltaHeap,
        "/metrics" => return (metrics::answer(served), None),
        "/" => return (page::answer(served, request), None),
        "/debug/pprof" | "/debug/pprof/" => return (Answer::text(200, LIST), None),
        _ => return (Answer::text(404, LIST), None),
    };
    profile::answer(served, kind, request, client).unwrap_or_else(|answer| (answer, None))
}

const LIST: &str = "\
/                        the report's page, of now
/metrics                 numbers for Prometheus
/debug/pprof/allocs      all allocations of the run
/debug/pprof/heap        that, opened at what is live
/debug/pprof/delta_heap  allocations since the collector's last request
   ?client=NAME          the collector; else its address and User-Agent
   ?seconds=N            allocations of the next N seconds
   ?pid=N                one process of several";
