//! The walls of the house: imports point down, pure rooms stay pure, every file has a reader, and the
//! repository stands by itself. Each failure prints the sentence that explains the floor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by floor. A room imports itself and lower floors; rooms of one floor are strangers.
const FLOORS: &[(u8, &[&str], &str)] = &[
    (1, &["diag", "value", "ambient"], "what/where/how-to-fix, small types, time and chance"),
    (2, &["config", "protocol"], "bytes to sections; the standards as pure engines"),
    (3, &["net", "files"], "the only outgoing calls; the only reads of files"),
    (4, &["health", "secrets"], "how to tell that a provider is well; what opens the door"),
    (5, &["connector"], "one identity provider: how to sign in there"),
    (6, &["model"], "the linked deployment: every name resolved"),
    (7, &["continuity"], "who serves this login, and why: pure"),
    (8, &["lint", "lb", "probe", "drill", "serve"], "rooms side by side, strangers to one another"),
];

/// Imports across rooms of one floor, or upward, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Rooms, and files by name, that name no file, socket, clock or async runtime.
const PURE_ROOMS: &[&str] =
    &["diag", "value", "config", "protocol", "model", "continuity", "drill", "lint", "lb"];
const IMPURE_WORDS: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "tokio::",
    "hyper::",
    "hyper_util::",
    "SystemTime",
    "std::time::Instant",
    "std::env::",
    "crate::net::",
    "crate::files::",
    "std::process",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The code of a file without its test module and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn room_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    (inside.components().count() > 1).then(|| first.to_owned())
}

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, rooms, _)| rooms.contains(&room)).map(|(floor, _, _)| *floor)
}

/// Rooms a text imports: `crate::room` anywhere.
fn imports(code: &str) -> BTreeSet<String> {
    code.match_indices("crate::")
        .map(|(at, word)| {
            let rest = &code[at + word.len()..];
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
        })
        .filter(|room| floor_of(room).is_some())
        .collect()
}

#[test]
fn every_room_has_a_floor() {
    let rooms: BTreeSet<String> = rust_files(&root().join("src")).iter().filter_map(|p| room_of(p)).collect();
    for room in rooms {
        assert!(
            floor_of(&room).is_some(),
            "src/{room} is on no floor: place it in tests/floors.rs and in src/ARCHITECTURE.md"
        );
    }
}

#[test]
fn imports_point_down() {
    let mut faults = Vec::new();
    for path in rust_files(&root().join("src")) {
        let Some(room) = room_of(&path) else { continue };
        let Some(floor) = floor_of(&room) else { continue };
        for target in imports(&code(&path)) {
            let below = floor_of(&target).is_some_and(|f| f < floor) || target == room;
            let excused = EXCEPTIONS.iter().any(|(from, to, _)| *from == room && *to == target);
            if !below && !excused {
                let what =
                    FLOORS.iter().find(|(_, rooms, _)| rooms.contains(&room.as_str())).map_or("", |f| f.2);
                faults.push(format!(
                    "{}: imports `{target}`, which is not below `{room}` (floor {floor}: {what})",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "imports point down:\n{}", faults.join("\n"));
}

#[test]
fn pure_rooms_stay_pure() {
    let mut faults = Vec::new();
    for path in rust_files(&root().join("src")) {
        let pure_room = room_of(&path).is_some_and(|room| PURE_ROOMS.contains(&room.as_str()));
        // A connector's config.rs shares a folder with what does I/O, and is held to the rules of floor 2.
        let pure_file = path.file_name().is_some_and(|name| name == "config.rs");
        if !(pure_room || pure_file) {
            continue;
        }
        let code = code(&path);
        for word in IMPURE_WORDS.iter().filter(|word| code.contains(**word)) {
            faults.push(format!("{}: names `{word}`", path.display()));
        }
    }
    assert!(faults.is_empty(), "pure rooms name no file, socket, clock or runtime:\n{}", faults.join("\n"));
}

#[test]
fn sockets_and_files_have_their_rooms() {
    let owners: &[(&str, &[&str])] = &[
        ("TcpListener", &["serve/edge/"]),
        ("TcpStream::connect", &["net/"]),
        ("lookup_host", &["net/", "serve/edge/"]),
        ("std::fs::", &["files/"]),
        ("tokio::fs", &["files/"]),
    ];
    let mut faults = Vec::new();
    for path in rust_files(&root().join("src")) {
        let inside = path.strip_prefix(root().join("src")).unwrap_or(&path).display().to_string();
        let code = code(&path);
        for (word, rooms) in owners {
            // The thread of a listener hands its socket to the runtime: the one place outside the edge.
            let handed_over = *word == "TcpListener" && inside == "serve/run.rs";
            if code.contains(word) && !handed_over && !rooms.iter().any(|room| inside.starts_with(room)) {
                faults.push(format!("{inside}: `{word}` belongs to {rooms:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "who may touch the world:\n{}", faults.join("\n"));
}

#[test]
fn every_file_has_a_reader() {
    let mut faults = Vec::new();
    for path in rust_files(&root().join("src")) {
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if matches!(name, "lib" | "mod") {
            continue;
        }
        let folder = path.parent().unwrap_or(&path);
        let mut parents = vec![folder.join("mod.rs"), folder.with_extension("rs")];
        if folder == root().join("src") {
            parents.push(root().join("src/lib.rs"));
        }
        let declared = parents.iter().filter_map(|p| fs::read_to_string(p).ok()).any(|text| {
            // Tables list their modules by name inside a macro.
            text.contains(&format!("mod {name};"))
                || text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == name)
        });
        if !declared {
            faults.push(path.display().to_string());
        }
    }
    assert!(faults.is_empty(), "files nobody imports:\n{}", faults.join("\n"));
}

#[test]
fn the_map_names_every_room_and_only_those() {
    let map = fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap_or_default();
    for (_, rooms, _) in FLOORS {
        for room in *rooms {
            assert!(
                map.contains(&format!("`{room}`")),
                "src/ARCHITECTURE.md does not name the room `{room}`"
            );
        }
    }
    // Paths on the map lead somewhere.
    let mut faults = Vec::new();
    for word in map.split(|c: char| c == '`' || c.is_whitespace()) {
        let is_path = word.starts_with("src/") || word.starts_with("commands/") || word.starts_with("tests/");
        let plain = word.trim_end_matches([',', '.', ')', ':', ';']);
        if is_path && !plain.contains(['<', '*', '{']) && !root().join(plain).exists() {
            faults.push(plain.to_owned());
        }
    }
    assert!(faults.is_empty(), "paths on the map that lead nowhere: {faults:?}");
}

/// Nothing in the repository leans on what stands beside it, or on the machine it was written on.
#[test]
fn the_repository_stands_by_itself() {
    let mut faults = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            // In a linked worktree this is a file that names the main one.
            if name == ".git" {
                continue;
            }
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | "node_modules" | ".venv" | "__pycache__")
                    && !path.is_symlink()
                {
                    folders.push(path);
                }
                continue;
            }
            // Spelled so that this file does not name what it looks for.
            let forbidden = [
                concat!("../", "shared"),
                concat!("/work", "/"),
                concat!("/root", "/"),
                concat!("registry.", "npmjs"),
            ];
            if let Ok(text) = fs::read_to_string(&path) {
                for word in forbidden.iter().filter(|word| text.contains(**word)) {
                    faults.push(format!("{}: names {word}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The floors themselves are told once, here; a room stands on one of them.
#[test]
fn rooms_are_listed_once() {
    let mut seen: BTreeMap<&str, u8> = BTreeMap::new();
    for (floor, rooms, _) in FLOORS {
        for room in *rooms {
            assert_eq!(seen.insert(room, *floor), None, "{room}");
        }
    }
}
