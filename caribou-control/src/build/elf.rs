//! What an executable needs of the system it runs on.

use std::fmt;

use caribou_model::Architecture;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable};
use object::{FileKind, LittleEndian, SymbolIndex};

use super::glibc::Glibc;

/// An executable for Linux as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// The processor that it is built for.
    pub architecture: Architecture,
    /// The program that loads it; `None` if it is linked statically.
    pub interpreter: Option<String>,
    /// The shared libraries that it loads.
    pub libraries: Vec<String>,
    /// The versions of glibc whose symbols it cannot do without, the highest first.
    pub glibc: Vec<Need>,
    /// Whether it carries neither symbols for a debugger nor debug information.
    pub stripped: bool,
}

/// What it needs of one version of glibc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The version.
    pub version: Glibc,
    /// The symbols.
    pub symbols: Vec<String>,
}

/// Why a file is no bootstrap for Lambda.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It is built for another system.
    #[error(
        "it is no program for 64-bit Linux; Lambda runs nothing else: build it on Linux, or with cargo-lambda"
    )]
    NotLinux,
    /// It is built for a processor that Lambda does not have.
    #[error("it is built for a processor that Lambda does not have; it has x86_64 and arm64")]
    UnknownProcessor,
    /// It is an ELF file, and cannot be read.
    #[error("its ELF headers cannot be read: {0}")]
    Malformed(String),
    /// It is built for another processor.
    #[error("it is built for {}, not for {}", name(*found), name(*wanted))]
    Processor {
        /// The processor that it is built for.
        found: Architecture,
        /// The one that was wanted.
        wanted: Architecture,
    },
    /// It is loaded by a program that Lambda does not have.
    #[error(
        "it is loaded by {found}, which {PROVIDED} does not have (it has {}); build it with the target \
         {}, with the system's own linker or with cargo-lambda",
        loader(*architecture), triple(*architecture)
    )]
    Interpreter {
        /// The program that loads it.
        found: String,
        /// The processor that it is built for.
        architecture: Architecture,
    },
    /// It needs a newer glibc than Lambda has.
    #[error(
        "it needs glibc {}, and {PROVIDED} has {}: {}. Build it on Debian 12 or Amazon Linux 2023, whose glibc is old \
         enough, or with cargo-lambda, which links with zig",
        needs.first().map_or_else(String::new, |need| need.version.to_string()), Glibc::PROVIDED, listed(needs)
    )]
    Glibc {
        /// What is too new, the newest first.
        needs: Vec<Need>,
    },
    /// It loads libraries that Lambda does not have.
    #[error(
        "it loads {}, which {PROVIDED} does not have; link {} statically, or put it into the archive as lib/NAME with \
         `files` of the function",
        libraries.join(", "), if libraries.len() == 1 { "it" } else { "them" }
    )]
    Libraries {
        /// What is missing.
        libraries: Vec<String>,
    },
}

/// Lambda's runtime for programs that bring their own.
const PROVIDED: &str = "provided.al2023";

/// What there is in `provided.al2023` of what a Rust program links to: glibc in its parts, and the unwinder.
const LIBRARIES: [&str; 7] = [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
];

/// The name that Lambda and the manifest give a processor.
pub fn name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "arm64",
    }
}

/// The target that Rust calls Lambda on this processor.
pub fn triple(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64-unknown-linux-gnu",
        Architecture::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// The path at which a program expects its loader.
fn loader(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "/lib64/ld-linux-x86-64.so.2",
        Architecture::Arm64 => "/lib/ld-linux-aarch64.so.1",
    }
}

fn listed(needs: &[Need]) -> String {
    needs.iter().map(Need::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let shown = self.symbols.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.symbols.len() {
            0 => write!(f, "{} for the way it is linked", self.version),
            1..=SHOWN => write!(f, "{} for {shown}", self.version),
            more => write!(f, "{} for {shown} and {} more", self.version, more - SHOWN),
        }
    }
}

type Header = FileHeader64<LittleEndian>;
const LITTLE: LittleEndian = LittleEndian;

impl Elf {
    /// Reads the headers of an executable.
    ///
    /// # Errors
    ///
    /// [`ElfError`] if it is no program for 64-bit Linux on a processor that Lambda has.
    pub fn read(file: &[u8]) -> Result<Self, ElfError> {
        if FileKind::parse(file) != Ok(FileKind::Elf64) {
            return Err(ElfError::NotLinux);
        }
        let header = Header::parse(file).map_err(malformed)?;
        let architecture = match header.e_machine.get(header.endian().map_err(malformed)?) {
            elf::EM_X86_64 => Architecture::X86_64,
            elf::EM_AARCH64 => Architecture::Arm64,
            _ => return Err(ElfError::UnknownProcessor),
        };
        Self::parse(header, file, architecture).map_err(malformed)
    }

    fn parse(header: &Header, file: &[u8], architecture: Architecture) -> object::Result<Self> {
        let mut interpreter = None;
        for segment in header.program_headers(LITTLE, file)? {
            interpreter = interpreter.or(segment.interpreter(LITTLE, file)?.map(text));
        }
        let sections = header.sections(LITTLE, file)?;
        let mut libraries = Vec::new();
        let dynamic = sections.dynamic_table(LITTLE, file)?;
        for entry in dynamic.iter().filter(|entry| entry.tag == elf::DT_NEEDED) {
            libraries.push(text(dynamic.string(entry)?));
        }
        let mut debugger = sections.iter().map(|section| {
            let name = sections.section_name(LITTLE, section).unwrap_or_default();
            section.sh_type(LITTLE) == elf::SHT_SYMTAB || name.starts_with(b".debug_")
        });
        let stripped = !debugger.any(|found| found);
        Ok(Self { architecture, interpreter, libraries, glibc: needs(&sections, file)?, stripped })
    }

    /// The highest version of glibc that it needs; `None` if it needs none.
    pub fn highest_glibc(&self) -> Option<Glibc> {
        self.glibc.first().map(|need| need.version)
    }

    /// Whether `provided.al2023` can run it on a processor. `files` are the paths of what else is in the archive.
    ///
    /// # Errors
    ///
    /// [`ElfError`] says why not, and what to do.
    pub fn check(&self, wanted: Architecture, files: &[String]) -> Result<(), ElfError> {
        let found = self.architecture;
        if found != wanted {
            return Err(ElfError::Processor { found, wanted });
        }
        if let Some(other) = self.interpreter.as_deref().filter(|path| *path != loader(found)) {
            return Err(ElfError::Interpreter { found: other.to_owned(), architecture: found });
        }
        let too_new = self.glibc.iter().filter(|need| need.version > Glibc::PROVIDED);
        let needs: Vec<Need> = too_new.cloned().collect();
        if !needs.is_empty() {
            return Err(ElfError::Glibc { needs });
        }
        let provided = |library: &str| {
            let is_loader = loader(found).ends_with(&format!("/{library}"));
            // Lambda looks for libraries in the archive's `lib` too
            is_loader || LIBRARIES.contains(&library) || files.contains(&format!("lib/{library}"))
        };
        let missing = self.libraries.iter().filter(|library| !provided(library));
        let libraries: Vec<String> = missing.cloned().collect();
        if libraries.is_empty() { Ok(()) } else { Err(ElfError::Libraries { libraries }) }
    }
}

/// The versions of glibc that are needed, the highest first, each with its symbols.
fn needs(sections: &SectionTable<'_, Header>, file: &[u8]) -> object::Result<Vec<Need>> {
    let Some((mut libraries, link)) = sections.gnu_verneed(LITTLE, file)? else { return Ok(Vec::new()) };
    let strings = sections.strings(LITTLE, file, link)?;
    let symbols = sections.symbols(LITTLE, file, elf::SHT_DYNSYM)?;
    let versions = sections.versions(LITTLE, file)?;
    let mut needs = Vec::new();
    while let Some((_, mut wanted)) = libraries.next()? {
        while let Some(one) = wanted.next()? {
            // the loader goes on without what is only needed weakly
            let weak = one.vna_flags.get(LITTLE).contains(elf::VER_FLG_WEAK);
            let name = text(one.name(LITTLE, strings)?);
            let Some(version) = Glibc::of(&name).filter(|_| !weak) else { continue };
            let index = one.vna_other(LITTLE).index();
            let mut uses = Vec::new();
            for (at, symbol) in symbols.enumerate() {
                let of =
                    versions.as_ref().map(|known| known.version_index(LITTLE, SymbolIndex(at.0)).index());
                if of == Some(index) {
                    uses.push(text(symbols.symbol_name(LITTLE, symbol)?));
                }
            }
            needs.push(Need { version, symbols: uses });
        }
    }
    needs.sort_by_key(|need| std::cmp::Reverse(need.version));
    needs.dedup_by(|next, first| {
        let same = next.version == first.version;
        if same {
            first.symbols.append(&mut next.symbols);
        }
        same
    });
    for need in &mut needs {
        need.symbols.sort_unstable();
    }
    Ok(needs)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn malformed(cause: object::Error) -> ElfError {
    ElfError::Malformed(cause.to_string())
}
