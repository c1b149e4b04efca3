//! The program: nothing but the way in and out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// musl's own takes one lock for all threads (Cargo.toml says what that costs).
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let run = || bellwether::app::run(std::env::args_os(), &|name| std::env::var(name).ok());
    ExitCode::from(or_bug(run))
}

/// A panic is a bug in bellwether, and has told so on stderr: it must not look like a code of another meaning.
fn or_bug(run: impl FnOnce() -> u8) -> u8 {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(bellwether::exit::Exit::Bug.code())
}

#[cfg(test)]
mod tests {
    use super::or_bug;

    #[test]
    fn a_panic_ends_as_a_bug() {
        assert_eq!(or_bug(|| 20), 20);
        assert_eq!(or_bug(|| panic!("on purpose")), 1);
    }
}
