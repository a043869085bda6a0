//! The child cannot do what it must not.

use estrade_transcoder::check_sandbox;

use crate::{Case, run::{options, runtime}};

pub const CASES: &[Case] = &[("nothing_gets_out_of_the_sandbox", nothing_gets_out_of_the_sandbox)];

fn nothing_gets_out_of_the_sandbox() {
    let work = tempfile::tempdir().expect("a work folder");
    let report = runtime()
        .block_on(check_sandbox(&options().command, work.path()))
        .expect("the child answers");
    assert!(report.holds(), "{report:?}");
}
