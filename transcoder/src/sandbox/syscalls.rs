//! The system calls a decoder needs; everything else is refused.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::confine::ConfineError;

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// Calls that every architecture has. No sockets, no new processes, no other programs,
/// nothing that changes the system.
const ALLOWED: [i64; 56] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_lseek,
    libc::SYS_dup,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_getdents64,
    libc::SYS_faccessat,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_ppoll,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_set_tid_address,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
];

/// Older calls that the C library still uses on this architecture.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: [i64; 7] = [
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_poll,
    libc::SYS_time,
    libc::SYS_gettimeofday,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: [i64; 0] = [];

/// What may be asked of an open file: nothing but its flags. The rest of `fcntl` has the kernel send signals to any
/// process of the same user (`F_SETOWN`, `F_SETSIG`, `O_ASYNC`) when somebody reads from a pipe.
const FCNTL_ALLOWED: [i32; 4] = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC];
/// The bit of `O_TMPFILE` that nothing else has: files without a name take room that nobody sees.
const NAMELESS: i32 = libc::O_TMPFILE & !libc::O_DIRECTORY;

/// Allows what is listed, threads, and naming them; signals and places on processors for itself alone, because other
/// processes of the same user would have to take them; limits to be read, not set; answers the rest with "not
/// permitted". `clone3` hides its flags in memory where a filter cannot look, so it is answered with "no such
/// call", and the C library falls back to `clone`.
pub(super) fn restrict_system_calls() -> Result<(), ConfineError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    rules.extend(ALLOWED.into_iter().chain(ALLOWED_HERE).map(|call| (call, Vec::new())));
    let thread = number(libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, vec![only_if([(0, SeccompCmpOp::MaskedEq(thread), thread)])?]);
    rules.insert(libc::SYS_prctl, vec![only_if([(0, SeccompCmpOp::Eq, number(libc::PR_SET_NAME))])?]);
    let this = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![only_if([(0, SeccompCmpOp::Eq, this)])?]);
    rules.insert(libc::SYS_sched_setaffinity, vec![only_if([(0, SeccompCmpOp::Eq, 0)])?]);
    // Its own, and without a new one.
    rules.insert(libc::SYS_prlimit64, vec![only_if([(0, SeccompCmpOp::Eq, 0), (2, SeccompCmpOp::Eq, 0)])?]);
    let fcntl = FCNTL_ALLOWED.map(|command| only_if([(1, SeccompCmpOp::Eq, number(command))]));
    rules.insert(libc::SYS_fcntl, fcntl.into_iter().collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_openat, vec![only_if([(2, SeccompCmpOp::MaskedEq(number(NAMELESS)), 0)])?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![only_if([(1, SeccompCmpOp::MaskedEq(number(NAMELESS)), 0)])?]);
    rules.insert(libc::SYS_clone3, Vec::new());
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    // Of two filters the stricter answer counts. The second one also forbids adding a third.
    apply(clone3, SeccompAction::Allow, SeccompAction::Errno(errno(libc::ENOSYS)))?;
    apply(rules, SeccompAction::Errno(errno(libc::EPERM)), SeccompAction::Allow)
}

fn number(constant: i32) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn errno(code: i32) -> u32 {
    u32::try_from(code).unwrap_or(1)
}

/// All of these arguments are as they should be.
fn only_if<const N: usize>(arguments: [(u8, SeccompCmpOp, u64); N]) -> Result<SeccompRule, ConfineError> {
    let condition = |(argument, op, value)| SeccompCondition::new(argument, SeccompCmpArgLen::Qword, op, value);
    let conditions = arguments.into_iter().map(condition).collect::<Result<Vec<_>, _>>();
    conditions.and_then(SeccompRule::new).map_err(|e| seccomp(&e))
}

fn apply(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    others: SeccompAction,
    listed: SeccompAction,
) -> Result<(), ConfineError> {
    let filter = SeccompFilter::new(rules, others, listed, ARCH).map_err(|e| seccomp(&e))?;
    let program = BpfProgram::try_from(filter).map_err(|e| seccomp(&e))?;
    seccompiler::apply_filter(&program).map_err(|e| ConfineError::Seccomp(e.to_string()))
}

fn seccomp(error: &seccompiler::BackendError) -> ConfineError {
    ConfineError::Seccomp(error.to_string())
}
