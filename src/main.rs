//! `postdesk`: the program around the desk. The only user of `anyhow`.

mod program;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = program::Cli::parse();
    match program::run(cli) {
        Ok(code) => code,
        Err(error) => {
            program::complain(&error);
            program::exit_code(&error)
        }
    }
}
