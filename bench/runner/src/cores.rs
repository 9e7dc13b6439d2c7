//! Who runs where: the server under measurement has one core, the generator the other.

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two cores of those that this process may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    server: usize,
    generator: usize,
}

impl Cores {
    /// Takes the first two.
    pub(crate) fn pick() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|&core| allowed.is_set(core))
            .take(2)
            .collect();
        ensure!(
            cores.len() == 2,
            "two cores are needed, one for the server and one for the generator"
        );
        Ok(Self {
            server: cores[0],
            generator: cores[1],
        })
    }

    /// Pins the calling thread to the generator's core.
    pub(crate) fn pin_generator(self) -> Result<()> {
        pin(self.generator)
    }

    /// Runs `start` on the server's core: a child that it starts inherits the pinning.
    pub(crate) fn on_server<T>(self, start: impl FnOnce() -> T) -> Result<T> {
        pin(self.server)?;
        let started = start();
        pin(self.generator)?;
        Ok(started)
    }
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Allows as many open files as this process may have; children inherit it. Gives the number.
pub(crate) fn raise_open_files() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
