//! `assert_allocs!` and `assert_no_allocs!`: limits for the allocations of a piece of code.

/// Asserts limits for the calling thread's allocations in a piece of code, and gives the code's
/// value.
///
/// After the code come one or more limits: a field of [`Measured`](crate::Measured), a comparison,
/// and a number; or the field, `in`, and a range.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// use mod_alloc::assert_allocs;
///
/// let words = assert_allocs!(vec![1_u64; 100], blocks == 1, bytes in ..=1024);
/// assert_eq!(words.len(), 100);
/// assert_allocs!(drop(vec![0_u8; 10]), blocks in 1..=3, end_blocks == 0, peak_bytes < 100);
/// ```
///
/// The code may leave the assertion by `?`, `return`, `break` or a panic. The limits are not looked
/// at then.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// fn sum(text: &str) -> Result<i32, std::num::ParseIntError> {
///     let numbers = mod_alloc::assert_allocs!(
///         text.split('+').map(str::parse).collect::<Result<Vec<i32>, _>>()?,
///         blocks in 1..=2
///     );
///     Ok(numbers.iter().sum())
/// }
/// assert_eq!(sum("1+2"), Ok(3));
/// assert!(sum("1+two").is_err());
/// ```
///
/// # Code that waits
///
/// Give code with `.await` as an `async` block, and await the assertion. It counts the polls of the
/// block, on whichever thread they happen, as [`measure_async`](crate::measure_async) does. `?` and
/// `return` leave the block, and the limits are looked at after that.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # use std::future::ready;
/// use mod_alloc::assert_allocs;
///
/// async fn page(name: &str) -> Result<String, std::fmt::Error> {
///     # /*
///     …
///     # */
///     # ready(Ok(format!("page {name}"))).await
/// }
///
/// async fn two_pages() -> Result<usize, std::fmt::Error> {
///     let both = assert_allocs!(
///         async { Ok(page("one").await? + &page("two").await?) },
///         blocks in 2..=6,
///         end_blocks == 1
///     );
///     both.await.map(|text| text.len())
/// }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(std::pin::pin!(two_pages()).poll(&mut context).is_ready());
/// ```
///
/// In any other form, code must not wait: what a thread does between two polls would count, and so
/// the whole is no longer `Send`.
///
/// ```compile_fail
/// # async fn page(name: &str) {}
/// fn is_send(_: impl Send) {}
/// is_send(async { mod_alloc::assert_allocs!(page("one").await, blocks <= 3) });
/// ```
///
/// # Panics
///
/// If a limit is not kept. The message has the limit, the numbers, and the call sites of the
/// excess: the functions of your own packages, and the function of another package that they
/// called, if there is one. This program
///
/// <!-- tested: limit -->
/// ```should_panic
/// use mod_alloc::{ModAlloc, assert_allocs};
///
/// #[global_allocator]
/// static ALLOC: ModAlloc = ModAlloc::new();
///
/// fn rows(count: u8) -> Vec<Box<[u8; 100]>> {
///     (0..count).map(|row| Box::new([row; 100])).collect()
/// }
///
/// fn main() {
///     assert_allocs!(rows(6), blocks <= 1);
/// }
/// ```
///
/// panics with
///
/// <!-- tested: limit message -->
/// ```text
/// allocations: blocks <= 1 does not hold
///   measured: 7 blocks, 648 bytes; 648 bytes at the peak; 7 blocks, 648 bytes live at the end
///   6 blocks, 600 bytes:
///       limit::rows::{{closure}} (/home/me/limit/src/main.rs:7)
///       limit::rows (/home/me/limit/src/main.rs:7)
///       limit::main (/home/me/limit/src/main.rs:11)
///   1 block, 48 bytes:
///       limit::rows (/home/me/limit/src/main.rs:7)
///       limit::main (/home/me/limit/src/main.rs:11)
/// ```
///
/// Also if nothing can be measured; see [`measure`](fn@crate::measure), which tells as well
/// [what the numbers depend on](fn@crate::measure#what-the-numbers-depend-on).
#[macro_export]
macro_rules! assert_allocs {
    (async move $work:block, $($field:ident $compare:tt $limit:expr),+ $(,)?) => {
        async move {
            let (value, asserted) = $crate::measure::asserting(async move { $work }).await;
            $crate::__assert_limits!(asserted, $($field $compare $limit),+);
            value
        }
    };
    (async $work:block, $($field:ident $compare:tt $limit:expr),+ $(,)?) => {
        async {
            let (value, asserted) = $crate::measure::asserting(async { $work }).await;
            $crate::__assert_limits!(asserted, $($field $compare $limit),+);
            value
        }
    };
    ($work:expr, $($field:ident $compare:tt $limit:expr),+ $(,)?) => {{
        let asserting = $crate::measure::Asserting::begin();
        let value = $work;
        let asserted = asserting.end();
        $crate::__assert_limits!(asserted, $($field $compare $limit),+);
        value
    }};
}

/// Asserts that a piece of code allocates nothing in the calling thread, and gives the code's
/// value.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let numbers = [3, 1, 2];
/// let most = mod_alloc::assert_no_allocs!(numbers.iter().max());
/// assert_eq!(most, Some(&3));
/// ```
///
/// The code may be all that it may be in [`assert_allocs!`](crate::assert_allocs), also an `async`
/// block.
///
/// # Panics
///
/// As [`assert_allocs!`](crate::assert_allocs).
#[macro_export]
macro_rules! assert_no_allocs {
    (async move $work:block $(,)?) => {
        $crate::assert_allocs!(async move $work, blocks == 0)
    };
    (async $work:block $(,)?) => {
        $crate::assert_allocs!(async $work, blocks == 0)
    };
    ($work:expr $(,)?) => {
        $crate::assert_allocs!($work, blocks == 0)
    };
}

/// Checks the limits of what was measured.
#[doc(hidden)]
#[macro_export]
macro_rules! __assert_limits {
    ($asserted:ident, $($field:ident $compare:tt $limit:expr),+) => {
        let measured = $asserted.measured();
        // An array: a list would allocate, and count for a measurement around this one.
        $asserted.check(&[$($crate::measure::Limit {
            field: ::core::stringify!($field),
            text: ::core::concat!(
                ::core::stringify!($field), " ", ::core::stringify!($compare), " ",
                ::core::stringify!($limit)
            ),
            is_kept: $crate::__is_kept!(measured.$field, $compare $limit),
        }),+]);
    };
}

/// True if a number is within its limit.
#[doc(hidden)]
#[macro_export]
macro_rules! __is_kept {
    ($number:expr, in $range:expr) => {
        ::core::ops::RangeBounds::contains(&$range, &$number)
    };
    ($number:expr, $compare:tt $limit:expr) => {{
        let limit = $limit;
        $number $compare limit
    }};
}
