//! Levels of H.264: table A-1 of ITU-T H.264.

/// What a level allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelLimits {
    /// Ten times the level, as parameter sets say it.
    pub(super) idc: u8,
    /// Macroblocks a second.
    pub(super) macroblocks_per_sec: u64,
    /// Macroblocks in a picture.
    pub(super) macroblocks: u64,
    /// Macroblocks of all reference pictures.
    pub(super) buffer: u64,
    /// Kilobits a second in High profile.
    pub(super) kbps: u64,
}

const fn level(idc: u8, macroblocks_per_sec: u64, macroblocks: u64, buffer: u64, base_kbps: u64) -> LevelLimits {
    // High profile may have a quarter more bits than the table's column for Main.
    LevelLimits { idc, macroblocks_per_sec, macroblocks, buffer, kbps: base_kbps * 5 / 4 }
}

/// From 1 to 4.2, the highest that Apple's rules allow; 9 stands for 1b.
pub(super) const LEVELS: [LevelLimits; 14] = [
    level(10, 1_485, 99, 396, 64),
    level(9, 1_485, 99, 396, 128),
    level(11, 3_000, 396, 900, 192),
    level(12, 6_000, 396, 2_376, 384),
    level(13, 11_880, 396, 2_376, 768),
    level(20, 11_880, 396, 2_376, 2_000),
    level(21, 19_800, 792, 4_752, 4_000),
    level(22, 20_250, 1_620, 8_100, 4_000),
    level(30, 40_500, 1_620, 8_100, 10_000),
    level(31, 108_000, 3_600, 18_000, 14_000),
    level(32, 216_000, 5_120, 20_480, 20_000),
    level(40, 245_760, 8_192, 32_768, 20_000),
    level(41, 245_760, 8_192, 32_768, 50_000),
    level(42, 522_240, 8_704, 34_816, 50_000),
];
