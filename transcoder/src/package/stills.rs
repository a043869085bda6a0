//! The storyboard's index, and what the pictures beside the stream are called.

use std::fmt::Write as _;

use super::ChunkFacts;
use crate::plan::{SHEET_COLUMNS, TranscodePlan};

/// Folder of the storyboard.
pub const STORYBOARD_FOLDER: &str = "storyboard";
/// Name of the short animated preview.
pub const PREVIEW_FILE: &str = "preview.webp";

/// Name of the sheet that a chunk's pictures are on, in the storyboard's folder.
pub fn sheet_file(chunk: usize) -> String {
    format!("s{chunk:05}.jpg")
}

/// The storyboard of the chunks that are there, as `WebVTT`: each second names its part of a sheet.
/// None when no chunk has a sheet.
pub fn storyboard_index(plan: &TranscodePlan, chunks: &[ChunkFacts]) -> Option<String> {
    let (width, height) = plan.tile_size();
    let mut text = String::from("WEBVTT\n");
    let mut is_empty = true;
    for chunk in chunks.iter().filter(|chunk| chunk.sheet_bytes.is_some()) {
        for (place, second) in (0u32..).zip(plan.chunk_seconds(chunk.index)) {
            let (x, y) = (place % SHEET_COLUMNS * width, place / SHEET_COLUMNS * height);
            let (from, to) = (clock(second * 1000), clock(end_ms(plan, second)));
            let sheet = sheet_file(chunk.index);
            write!(text, "\n{from} --> {to}\n{sheet}#xywh={x},{y},{width},{height}\n").expect("text grows");
            is_empty = false;
        }
    }
    (!is_empty).then_some(text)
}

/// The picture of the last second stands to the end of the clip.
fn end_ms(plan: &TranscodePlan, second: u64) -> u64 {
    if second + 1 == plan.total_seconds() { plan.duration_ms().max(second * 1000 + 1) } else { (second + 1) * 1000 }
}

/// A time as `WebVTT` writes it.
fn clock(ms: u64) -> String {
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Rate, sample_plan};

    fn chunk(index: usize, has_sheet: bool) -> ChunkFacts {
        ChunkFacts {
            index,
            inits: vec![],
            renditions: vec![],
            sheet_bytes: has_sheet.then_some(1000),
            preview_bytes: None,
        }
    }

    #[test]
    fn each_second_names_its_part_of_a_sheet() {
        let plan = sample_plan(1080, 1920, Rate::new(30, 1), 6_500_000);
        let index = storyboard_index(&plan, &[chunk(0, true), chunk(1, true)]);
        insta::assert_snapshot!(index.expect("an index"));
    }

    #[test]
    fn chunks_of_old_that_have_no_sheet_are_left_out() {
        let plan = sample_plan(1080, 1920, Rate::new(30, 1), 6_500_000);
        assert_eq!(storyboard_index(&plan, &[chunk(0, false)]), None);
        let index = storyboard_index(&plan, &[chunk(0, false), chunk(1, true)]).expect("an index");
        assert!(index.starts_with("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\ns00001.jpg#xywh=0,0,"), "{index}");
    }
}
