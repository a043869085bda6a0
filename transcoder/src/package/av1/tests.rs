use proptest::prelude::*;

use super::*;

/// Collects bits from the highest on.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn put(mut self, value: u32, count: u32) -> Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    /// An OBU of that kind, padded with zeros as a trailing bit would be.
    fn unit(self, kind: u8) -> Vec<u8> {
        let payload: Vec<u8> = self
            .0
            .chunks(8)
            .map(|bits| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at)))
            .collect();
        let size = u8::try_from(payload.len()).expect("short");
        [vec![kind << 3 | 2, size], payload].concat()
    }
}

/// Main profile, level 3.0 (index 4), 540x960, eight bits, BT.709, 4:2:0.
fn sequence_header() -> Vec<u8> {
    Writer::default()
        .put(0, 3)
        .put(0, 2)
        .put(0, 1)
        .put(0, 1)
        .put(0, 5)
        .put(0, 12)
        .put(4, 5)
        .put(9, 4)
        .put(9, 4)
        .put(539, 10)
        .put(959, 10)
        .put(0, 1)
        .put(0b111, 3)
        .put(0b1111, 4)
        .put(1, 1)
        .put(0b11, 2)
        .put(1, 1)
        .put(1, 1)
        .put(6, 3)
        .put(0b010, 3)
        .put(0, 1)
        .put(0, 1)
        .put(1, 1)
        .put(1, 8)
        .put(1, 8)
        .put(1, 8)
        .put(0, 1)
        .put(1, 2)
        .put(0, 1)
        .put(0, 1)
        .put(1, 1)
        .unit(SEQUENCE_HEADER)
}

#[test]
fn the_sequence_header_says_what_players_are_told() {
    let delimiter = Writer::default().unit(2);
    let config = Av1Config::from_units(&[delimiter, sequence_header()].concat()).expect("a header");
    assert_eq!((config.codec_string().as_str(), config.size), ("av01.0.04M.08", (540, 960)));
    let record = config.decoder_record();
    assert_eq!(record[..4], [0x81, 4, 0b0000_1101, 0]);
    assert_eq!(record[4..], sequence_header());
}

#[test]
fn a_sample_names_no_encoder() {
    let picture = Writer::default().put(0xabc, 12).unit(FRAME);
    let metadata = Writer::default().put(1, 8).unit(5);
    let packet = [Writer::default().unit(2), sequence_header(), metadata.clone(), picture.clone()].concat();
    let sample = units_to_sample(&packet).expect("units");
    assert_eq!(sample, [sequence_header(), picture].concat());
    assert_eq!(check_av1_sample(&sample), Ok(()));
    assert_eq!(check_av1_sample(&metadata), Err(Av1Error::Unexpected(5)));
    assert_eq!(check_av1_sample(&sequence_header()), Err(Av1Error::NoPicture));
    assert_eq!(check_av1_sample(&[]), Err(Av1Error::NoPicture));
}

#[test]
fn what_is_cut_off_is_an_error() {
    let header = sequence_header();
    assert_eq!(Av1Config::from_units(&header[..header.len() - 1]), Err(Av1Error::Size));
    assert_eq!(Av1Config::from_units(&[]), Err(Av1Error::NoSequenceHeader));
    assert_eq!(Av1Config::from_units(&[SEQUENCE_HEADER << 3 | 2, 1, 0]), Err(Av1Error::SequenceHeader));
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Av1Config::from_units(&bytes);
        if let Ok(sample) = units_to_sample(&bytes) {
            prop_assert!(matches!(check_av1_sample(&sample), Ok(()) | Err(Av1Error::NoPicture)));
        }
    }

    #[test]
    fn a_header_of_any_bits_is_read_or_refused(bits in prop::collection::vec(any::<u8>(), 0..60)) {
        let unit = [vec![SEQUENCE_HEADER << 3 | 2, u8::try_from(bits.len()).expect("short")], bits].concat();
        if let Ok(config) = Av1Config::from_units(&unit) {
            prop_assert!(config.codec_string().len() <= 16);
        }
    }
}
