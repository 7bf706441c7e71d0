//! Executables that Lambda can run and those that it cannot, and the same archive from two folders.

use std::path::Path;

use super::*;
use crate::package::Package;

/// This test's own executable: a program for Linux that rustc and the system's linker made.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod executable {
    use super::*;

    fn own() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    /// With a text of its headers replaced by another as long.
    fn with(from: &str, to: &str) -> Elf {
        assert_eq!(from.len(), to.len());
        let mut file = own();
        let places: Vec<usize> = (0..file.len() - from.len())
            .filter(|at| file[*at] == from.as_bytes()[0] && file[*at..].starts_with(from.as_bytes()))
            .collect();
        assert!(!places.is_empty(), "{from}");
        for at in places {
            file[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
        Elf::read(&file).unwrap()
    }

    #[test]
    fn its_needs_are_read() {
        let elf = Elf::read(&own()).unwrap();
        assert_eq!(elf.architecture, Architecture::X86_64);
        assert_eq!(elf.interpreter.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
        assert!(elf.libraries.contains(&"libc.so.6".to_owned()), "{:?}", elf.libraries);
        assert!(!elf.stripped);
        let highest = elf.highest_glibc().unwrap();
        assert!(highest >= Glibc::of("GLIBC_2.2.5").unwrap());
        let all: Vec<&String> = elf.glibc.iter().flat_map(|need| &need.symbols).collect();
        assert!(all.iter().any(|symbol| *symbol == "malloc"), "{all:?}");
        assert!(elf.glibc.iter().all(|need| !need.symbols.is_empty()), "{:?}", elf.glibc);
    }

    #[test]
    fn another_processor_is_told() {
        let mut file = own();
        let error = Elf::read(&file).unwrap().check(Architecture::Arm64, &[]).unwrap_err();
        assert_eq!(error.to_string(), "it is built for x86_64, not for arm64");
        // e_machine: 183 is EM_AARCH64, 243 is EM_RISCV
        file[18] = 183;
        let elf = Elf::read(&file).unwrap();
        assert!(matches!(elf.check(Architecture::Arm64, &[]), Err(ElfError::Interpreter { .. })));
        file[18] = 243;
        assert_eq!(Elf::read(&file), Err(ElfError::UnknownProcessor));
    }

    #[test]
    fn a_newer_glibc_is_told_with_the_symbols_that_need_it() {
        let elf = with("GLIBC_2.2.5\0", "GLIBC_2.999\0");
        let error = elf.check(Architecture::X86_64, &[]).unwrap_err().to_string();
        assert!(
            error.starts_with("it needs glibc 2.999, and provided.al2023 has 2.34: 2.999 for "),
            "{error}"
        );
        assert!(error.contains("Amazon Linux 2023"), "{error}");
    }

    #[test]
    fn a_loader_of_another_system_is_told() {
        let elf = with("/lib64/ld-linux-x86-64.so.2\0", "/nix/s/ld-linux-x86-64.so.2\0");
        let error = elf.check(Architecture::X86_64, &[]).unwrap_err().to_string();
        assert!(
            error.contains("/nix/s/ld-linux-x86-64.so.2, which provided.al2023 does not have"),
            "{error}"
        );
    }

    #[test]
    fn a_library_is_there_if_lambda_has_it_or_the_archive() {
        let elf = with("libm.so.6\0", "libz.so.1\0");
        let error = elf.check(Architecture::X86_64, &[]).unwrap_err().to_string();
        assert!(error.starts_with("it loads libz.so.1, which"), "{error}");
        assert_eq!(elf.check(Architecture::X86_64, &["lib/libz.so.1".to_owned()]), Ok(()));
    }

    #[test]
    fn a_file_that_is_cut_off_is_malformed() {
        let file = own();
        assert!(matches!(Elf::read(&file[..100]), Err(ElfError::Malformed(_))));
        assert_eq!(Elf::read(&file[..10]), Err(ElfError::NotLinux));
        assert_eq!(
            Elf::read(b"#!/bin/sh\nexec true # long enough to be looked at, but no program\n"),
            Err(ElfError::NotLinux)
        );
    }
}

fn extra(folder: &Path, name: &str, content: &str) -> ExtraFile {
    let path = folder.join(name.replace('/', "-"));
    std::fs::write(&path, content).unwrap();
    ExtraFile { name: name.to_owned(), path }
}

#[test]
fn an_archive_is_the_same_whenever_and_in_whichever_order_it_is_packed() {
    let (early, late) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = |folder: &Path| [extra(folder, "lib/model.bin", "weights"), extra(folder, "a.txt", "text")];
    let one = Archive::pack(b"program", &files(early.path())).unwrap();
    let [first, second] = files(late.path());
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().write(true).open(&first.path).unwrap().set_modified(past).unwrap();
    assert_eq!(Archive::pack(b"program", &[second, first]).unwrap(), one);
    assert_eq!(one.unpacked, 18);
    assert_eq!(one.sha256_hex().len(), 64);
    assert_ne!(Archive::pack(b"program", &[]).unwrap().sha256, one.sha256);
}

#[cfg(unix)]
#[test]
fn the_bootstrap_comes_first_and_may_be_executed() {
    use std::io::Read as _;

    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::pack(b"program", &[extra(folder.path(), "a.txt", "text")]).unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive.bytes)).unwrap();
    let mut content = String::new();
    let mut file = zip.by_index(0).unwrap();
    assert_eq!((file.name().unwrap().as_ref(), file.unix_mode()), ("bootstrap", Some(0o100_755)));
    file.read_to_string(&mut content).unwrap();
    assert_eq!(content, "program");
    drop(file);
    let file = zip.by_index(1).unwrap();
    assert_eq!((file.name().unwrap().as_ref(), file.unix_mode()), ("a.txt", Some(0o100_644)));
}

#[test]
fn of_a_folder_all_files_go_into_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data/b", "data/deep/a", "font"] {
        std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let listed = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        ExtraFile::beside(folder.path(), &names)
    };
    let found = listed(&["./font", "data/"]).unwrap();
    let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["data/b", "data/deep/a", "font"]);
    assert!(listed(&["voices"]).unwrap_err().to_string().contains("voices cannot be read"));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_package_is_not_followed_and_one_that_leads_up_ends() {
    use std::os::unix::fs::symlink;
    let (package, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(package.path().join("data")).unwrap();
    std::fs::write(package.path().join("data/a"), "a").unwrap();
    symlink(package.path().join("data"), package.path().join("data/up")).unwrap();
    let listed = || ExtraFile::beside(package.path(), &["data".to_owned()]);
    let named = |files: Vec<ExtraFile>| files.into_iter().map(|file| file.name).collect::<Vec<_>>();
    assert_eq!(named(listed().unwrap()), ["data/a"]);
    // under two names it is there twice, as it was asked for
    symlink(package.path().join("data"), package.path().join("current")).unwrap();
    let both = ["data", "current", "./data/a"].map(str::to_owned);
    assert_eq!(named(ExtraFile::beside(package.path(), &both).unwrap()), ["current/a", "data/a"]);
    std::fs::write(other.path().join("secret"), "s").unwrap();
    symlink(other.path().join("secret"), package.path().join("data/b")).unwrap();
    let error = listed().unwrap_err().to_string();
    assert!(error.contains("`data/b` leads to") && error.contains("outside of the package"), "{error}");
}

#[test]
fn what_cannot_be_packed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = extra(folder.path(), "a.txt", "text");
    let renamed = |name: &str| ExtraFile { name: name.into(), ..file.clone() };
    for name in ["", "/a", "a/../../b", "bootstrap", "a//b", "a\\b"] {
        assert!(matches!(Archive::pack(b"", &[renamed(name)]), Err(ArchiveError::Name(_))), "{name}");
    }
    assert!(matches!(Archive::pack(b"", &[file.clone(), file.clone()]), Err(ArchiveError::Twice(_))));
    let missing = ExtraFile { path: folder.path().join("nowhere"), ..file.clone() };
    let error = Archive::pack(b"", &[missing]).unwrap_err().to_string();
    assert!(error.contains("nowhere cannot be read") && error.contains("`a.txt`"), "{error}");
}

#[test]
fn an_archive_that_lambda_does_not_unpack_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = extra(folder.path(), "large", "");
    // a hole takes no space on the disk
    std::fs::File::options().write(true).open(&file.path).unwrap().set_len(Archive::MOST_UNPACKED).unwrap();
    assert!(matches!(Archive::pack(b"program", &[file]), Err(ArchiveError::TooLarge { .. })));
}

const CARGO_TOML: &str = "[package]\nname = 'press'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n\
                          [dependencies]\nink = { path = 'ink' }\n[profile.lambda]\ninherits = 'release'\n\
                          strip = 'symbols'\n";
const BUILD: &str = r#"fn main() {
    let folder = std::env::var("OUT_DIR").unwrap();
    let text = "pub fn place() -> String { std::panic::Location::caller().to_string() + file!() }";
    std::fs::write(format!("{folder}/made.rs"), text).unwrap();
}"#;
const MAIN: &str = r#"include!(concat!(env!("OUT_DIR"), "/made.rs"));
fn main() {
    println!("{} {} {}", place(), ink::place(), file!());
}"#;

/// A package of two crates and a build script in a folder of its own, with a cargo target folder of its own.
fn write(folder: &Path, main: &str) {
    let files = [
        ("Cargo.toml", CARGO_TOML),
        ("build.rs", BUILD),
        ("src/main.rs", main),
        ("ink/Cargo.toml", "[package]\nname = 'ink'\nversion = '0.1.0'\nedition = '2024'\n"),
        ("ink/src/lib.rs", "pub fn place() -> &'static str { file!() }"),
    ];
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

async fn build(folder: &Path) -> Executable {
    let package = Package::read(folder).await.unwrap();
    let architecture = if cfg!(target_arch = "x86_64") { Architecture::X86_64 } else { Architecture::Arm64 };
    let recipe = Recipe::new(&package, package.bootstrap(None).unwrap(), None).await.unwrap();
    recipe.build(architecture, &[], |_| ()).await.unwrap()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn the_same_source_in_another_folder_gives_the_same_archive() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let longer = there.path().join("in/another/folder");
    write(here.path(), MAIN);
    write(&longer, MAIN);
    let (one, other) = (build(here.path()).await, build(&longer).await);
    assert!(one.elf.stripped && one.held_paths.is_empty(), "{:?}", one.held_paths);
    assert_eq!(one.pack(&[]).unwrap().sha256_hex(), other.pack(&[]).unwrap().sha256_hex());
    let changed = MAIN.replace("println", "eprintln");
    write(here.path(), &changed);
    assert_ne!(build(here.path()).await.bytes, one.bytes);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn where_a_panic_ends_the_program_nothing_is_kept_to_unwind_its_stack() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), MAIN);
    let unwinds = build(folder.path()).await;
    let manifest = folder.path().join("Cargo.toml");
    std::fs::write(&manifest, CARGO_TOML.to_owned() + "panic = 'abort'\n").unwrap();
    let aborts = build(folder.path()).await;
    // the name of the section is in every executable that has it
    let unwinding = |one: &Executable| one.bytes.windows(10).any(|bytes| bytes == b".eh_frame\0");
    assert!(unwinding(&unwinds) && !unwinding(&aborts));
    let said = std::process::Command::new(&aborts.path).output().unwrap();
    assert!(said.status.success() && !said.stdout.is_empty(), "{said:?}");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn a_path_that_the_source_itself_takes_in_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        r#"fn main() { println!("{}", env!("CARGO_MANIFEST_DIR").to_owned() + "/ink"); println!(concat!(env!("CARGO_MANIFEST_DIR"), "/ink")) }"#,
    );
    let held = build(folder.path()).await.held_paths;
    assert_eq!(held, [folder.path().canonicalize().unwrap()]);
}
