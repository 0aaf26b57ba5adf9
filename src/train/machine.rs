//! What the machine has left: disk, memory, processor. Knows nothing of training; unknown is `None`.

use std::path::Path;

/// Bytes free for this user on the disk of a folder (or of its nearest parent that is there).
#[cfg(unix)]
pub fn free_disk_bytes(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let there = folder.ancestors().find(|p| p.exists()).filter(|p| !p.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    let name = std::ffi::CString::new(there.as_os_str().as_bytes()).ok()?;
    let mut told = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the name ends with a zero byte and the struct is ours to fill; it is read only where the call succeeded.
    let told = unsafe {
        if libc::statvfs(name.as_ptr(), told.as_mut_ptr()) != 0 {
            return None;
        }
        told.assume_init()
    };
    Some(told.f_bavail as u64 * told.f_frsize as u64)
}

/// Unknown on this system.
#[cfg(not(unix))]
pub fn free_disk_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// Bytes of memory this process holds now.
pub fn own_memory_bytes() -> Option<u64> {
    kib_line("/proc/self/status", "VmRSS:")
}

/// Bytes of memory that programs could still get.
pub fn available_memory_bytes() -> Option<u64> {
    kib_line("/proc/meminfo", "MemAvailable:")
}

/// Bytes of memory of the machine.
pub fn total_memory_bytes() -> Option<u64> {
    kib_line("/proc/meminfo", "MemTotal:")
}

/// Seconds of processor time this process has used, over all cores.
pub fn processor_secs() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in brackets and may hold spaces; user and system time are fields 14 and 15, in
    // hundredths of a second on every Linux (proc(5), USER_HZ).
    const USER_HZ: f64 = 100.0;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |k: usize| fields.get(k)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / USER_HZ)
}

/// A line `Name: N kB` of a file under /proc.
fn kib_line(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
