//! What the figures were measured on, in one sentence without a date.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// Processor, cores, kernel and the versions of what runs the peers.
pub(crate) fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = processor.map_or("an unknown processor", |(_, name)| name);
    let virtual_machine = cpuinfo
        .lines()
        .any(|line| line.starts_with("flags") && line.contains(" hypervisor"));
    let cores = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let cores = available_parallelism().map_or(cores, |usable| cores.max(usable.get()));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = vec![
        format!(
            "{processor}, {cores} cores{}",
            if virtual_machine {
                " of a virtual machine"
            } else {
                ""
            }
        ),
        format!("Linux {}", kernel.trim()),
    ];
    parts.extend(
        version("rustc", "--version").and_then(|text| Some(format!("rustc {}", text.split(' ').nth(1)?))),
    );
    parts
        .extend(version("node", "--version").map(|text| format!("Node.js {}", text.trim_start_matches('v'))));
    parts.join("; ")
}

fn version(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(flag)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
