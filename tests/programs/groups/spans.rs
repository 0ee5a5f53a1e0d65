//! Groups that follow tracing spans.

use mod_alloc::groups::tracking_compat;
use mod_alloc::groups::{AllocationGroupToken, AllocationLayer, Track};
use tracing::dispatcher::Dispatch;
use tracing::span::Id;
use tracing::{Level, info_span, span};
use tracing_subscriber::{Registry, layer::SubscriberExt};

use crate::rig::sites;
use crate::{Program, numbers, say_all};

pub(crate) const PROGRAMS: &[Program] = &[
    ("spans", spans),
    ("unordered-spans", unordered_spans),
    ("named-spans", named_spans),
    ("no-layer", no_layer),
];

sites! { site_a }

fn spans() {
    let subscriber = Registry::default().with(AllocationLayer::new());
    tracing::subscriber::set_global_default(subscriber).expect("it is the first");
    let [a, b] = ["a", "b"].map(AllocationGroupToken::register);
    let (outer, plain, inner) = (info_span!("outer"), info_span!("plain"), info_span!("inner"));
    a.attach_to_span(&outer);
    b.attach_to_span(&inner);
    outer.in_scope(|| {
        site_a(1);
        plain.in_scope(|| {
            site_a(10);
            inner.in_scope(|| site_a(100));
            // Twice in the same one.
            outer.in_scope(|| site_a(1000));
            site_a(10_000);
        });
        let _guard = b.enter();
        site_a(100_000);
    });
    site_a(1_000_000);
    assert_eq!(AllocationGroupToken::current().name(), "");
    assert_eq!(numbers("a")[..2], [4, 11_011]);
    assert_eq!(numbers("b")[..2], [2, 100_100]);
    // On another thread, and with another group from then on.
    b.attach_to_span(&outer);
    std::thread::scope(|scope| {
        scope.spawn(|| outer.in_scope(|| site_a(2)));
    });
    assert_eq!(numbers("b")[..2], [3, 100_102]);
    let mut token = tracking_compat::AllocationGroupToken::register().expect("there is room");
    token.enter().exit();
    token.attach_to_span(&plain);
    plain.in_scope(|| site_a(3));
    assert_eq!(numbers("group 4")[..2], [1, 3]);
    say_all();
}

/// Spans that are left in any order, or not at all, or without having been entered.
fn unordered_spans() {
    let dispatch = Dispatch::new(Registry::default().with(AllocationLayer::new()));
    let _default = tracing::dispatcher::set_default(&dispatch);
    let [a, b] = ["a", "b"].map(AllocationGroupToken::register);
    let (first, second) = (span!(Level::INFO, "first"), span!(Level::INFO, "second"));
    a.attach_to_span(&first);
    b.attach_to_span(&second);
    let id = |span: &tracing::Span| -> Id { span.id().expect("it is enabled") };
    let (first, second) = (id(&first), id(&second));
    dispatch.exit(&first);
    dispatch.enter(&first);
    dispatch.enter(&second);
    dispatch.exit(&first);
    site_a(10);
    assert_eq!(AllocationGroupToken::current(), b);
    dispatch.exit(&first);
    dispatch.exit(&second);
    dispatch.exit(&second);
    site_a(100);
    assert_eq!(AllocationGroupToken::current().name(), "");
    assert_eq!((numbers("a")[1], numbers("b")[1]), (0, 10));
}

fn named_spans() {
    let subscriber = Registry::default().with(AllocationLayer::by_span_name());
    tracing::subscriber::set_global_default(subscriber).expect("it is the first");
    let special = AllocationGroupToken::register("special");
    for round in 0..100 {
        let _entered = info_span!("request", round).entered();
        site_a(3);
        info_span!("query").in_scope(|| site_a(4));
        let other = info_span!("query");
        special.attach_to_span(&other);
        other.in_scope(|| site_a(5));
    }
    // Allocations of tracing itself for a span within another one are that one's, too.
    assert!(numbers("request")[1] >= 300);
    assert_eq!(numbers("query")[..2], [100, 400]);
    assert_eq!(numbers("special")[..2], [100, 500]);
    say_all();
}

/// Without a layer, or a subscriber, nothing happens.
fn no_layer() {
    let token = AllocationGroupToken::register("nobody");
    let span = info_span!("alone");
    token.attach_to_span(&span);
    span.in_scope(|| site_a(1));
    let _default = tracing::subscriber::set_default(Registry::default());
    let span = info_span!("unlayered");
    token.attach_to_span(&span);
    span.in_scope(|| site_a(1));
    drop(async { site_a(1) }.in_current_allocation_group());
    assert_eq!(numbers("nobody"), [0; 5]);
}
