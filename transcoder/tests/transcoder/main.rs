//! The transcoder from file to package, through the real confined child, on media made here.

mod media;
mod run;

mod adaptive;
mod bad_input;
mod beside;
mod families;
mod figures;
mod fuzz;
mod good_input;
mod joints;
mod layers;
mod liar;
mod loud_enough;
mod odd_sources;
mod private;
mod repackaged;
mod right_on_phones;
mod right_way_up;
mod sandboxed;
mod valid;

use std::process::ExitCode;

use estrade_transcoder::{CHILD_ARGUMENT, child_main};
use libtest_mimic::{Arguments, Trial};

/// A named test.
type Case = (&'static str, fn());

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(CHILD_ARGUMENT) {
        return child_main(&arguments.next().unwrap_or_default());
    }
    if std::env::args().nth(1).as_deref() == Some(liar::LIAR_ARGUMENT) {
        return liar::liar_main(&arguments.collect::<Vec<_>>());
    }
    let cases = [
        good_input::CASES,
        loud_enough::CASES,
        odd_sources::CASES,
        private::CASES,
        right_on_phones::CASES,
        right_way_up::CASES,
        repackaged::CASES,
        joints::CASES,
        bad_input::CASES,
        sandboxed::CASES,
        layers::CASES,
        liar::CASES,
        fuzz::CASES,
        valid::CASES,
        figures::CASES,
        beside::CASES,
        families::CASES,
        adaptive::CASES,
    ]
    .concat();
    let trials = cases.into_iter().map(|(name, case)| {
        Trial::test(name, move || {
            case();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
