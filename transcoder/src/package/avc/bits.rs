//! Reading bits of a NAL unit, bounded: whatever is in it, an end comes, and nothing is allocated.

use super::AvcError;

/// Reads the payload of a NAL unit bit by bit, leaving out what prevents start codes in it.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next bit, counted from the first byte.
    at: usize,
}

/// Longest exponential Golomb code that is read: values below 2^32.
const MOST_LEADING_ZEROS: u32 = 31;

/// The payload of a NAL unit, its header left out, without the bytes that prevent start codes in it.
/// At most `most` bytes of it.
pub(super) fn payload(nal: &[u8], most: usize) -> Vec<u8> {
    let mut plain = Vec::with_capacity(nal.len().min(most));
    let mut zeros = 0;
    for byte in nal.iter().skip(1) {
        if plain.len() == most {
            break;
        }
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn flag(&mut self) -> Result<bool, AvcError> {
        let byte = self.bytes.get(self.at / 8).ok_or(AvcError::Unreadable)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// A number of `count` bits, at most 32.
    pub(super) fn bits(&mut self, count: u32) -> Result<u32, AvcError> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Ok(value)
    }

    /// An unsigned exponential Golomb code, at most `most`.
    pub(super) fn unsigned(&mut self, most: u32) -> Result<u32, AvcError> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > MOST_LEADING_ZEROS {
                return Err(AvcError::Unreadable);
            }
        }
        let value = (1u64 << zeros) - 1 + u64::from(self.bits(zeros)?);
        u32::try_from(value).ok().filter(|value| *value <= most).ok_or(AvcError::Unreadable)
    }

    /// A signed exponential Golomb code.
    pub(super) fn signed(&mut self) -> Result<i64, AvcError> {
        let code = i64::from(self.unsigned(u32::MAX)?);
        Ok(if code % 2 == 1 { (code + 1) / 2 } else { -(code / 2) })
    }

    /// Something follows before the bit that ends the payload.
    pub(super) fn has_more(&self) -> bool {
        self.end().is_some_and(|end| self.at < end)
    }

    /// Only the bit that ends the payload follows: nothing is hidden behind what was read.
    pub(super) fn finish(self) -> Result<(), AvcError> {
        if self.end() == Some(self.at) { Ok(()) } else { Err(AvcError::Unreadable) }
    }

    /// Position of the last bit that is one.
    fn end(&self) -> Option<usize> {
        let last = self.bytes.iter().rposition(|byte| *byte != 0)?;
        let zeros = usize::try_from(self.bytes[last].trailing_zeros()).ok()?;
        Some(last * 8 + 7 - zeros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_rising_length_are_read() {
        // 1 010 011 00100 00101, then the end.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1100_0000];
        let mut reader = BitReader::new(&bytes);
        let values: Vec<u32> = (0..5).map(|_| reader.unsigned(9).expect("a code")).collect();
        assert_eq!(values, [0, 1, 2, 3, 4]);
        assert!(!reader.has_more());
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn signed_codes_alternate() {
        let bytes = [0b0100_1100, 0b1000_0101, 0b1000_0000];
        let mut reader = BitReader::new(&bytes);
        let values: Vec<i64> = (0..4).map(|_| reader.signed().expect("a code")).collect();
        assert_eq!(values, [1, -1, 2, -2]);
    }

    #[test]
    fn values_beyond_their_bound_and_ends_without_a_bit_are_errors() {
        assert_eq!(BitReader::new(&[0b0110_0000]).unsigned(1), Err(AvcError::Unreadable));
        assert_eq!(BitReader::new(&[0; 20]).unsigned(u32::MAX), Err(AvcError::Unreadable));
        assert_eq!(BitReader::new(&[]).flag(), Err(AvcError::Unreadable));
        assert_eq!(BitReader::new(&[0, 0]).finish(), Err(AvcError::Unreadable));
    }

    #[test]
    fn what_prevents_start_codes_is_left_out() {
        assert_eq!(payload(&[0x67, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 2], 99), [0, 0, 1, 0, 0, 0, 0, 2]);
        assert_eq!(payload(&[0x67, 1, 2, 3, 4], 2), [1, 2]);
    }
}
