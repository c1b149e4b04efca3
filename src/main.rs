//! The program: nothing but the way in and out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(bellwether::app::run(std::env::args_os(), &|name| std::env::var(name).ok()))
}
