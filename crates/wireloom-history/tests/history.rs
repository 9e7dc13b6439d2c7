//! A short form of what `cargo xtask history` does at length.

use std::process::Command;

#[test]
fn nothing_is_lost_twice_or_out_of_order() {
    let args = "run --clients 8 --seeds 0..20 --jobs 10 --work-ms 900 --cut-ms 500 --news-ms 50";
    check(args);
}

#[test]
fn every_gap_is_declared() {
    // Fewer messages are kept than come while a client is away, and sessions wait for a blink.
    let args = "run --clients 8 --seeds 0..3 --jobs 3 --work-ms 900 --cut-ms 400 --news-ms 20 --gaps --messages 8 --window-ms 300";
    check(args);
}

fn check(args: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_wireloom-history"))
        .args(args.split(' '))
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
