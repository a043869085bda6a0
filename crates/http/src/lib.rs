//! What every HTTP surface does alike: problems, viewers, limits, the serve loop
