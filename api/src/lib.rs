//! Service: accounts, uploads, clips, playback, social, events over HTTP.
