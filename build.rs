//! The web app is embedded at compile time: a new build of it is a new build of the binary.

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
}
