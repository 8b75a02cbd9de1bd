//! Passwords, hashed with Argon2id (RFC 9106): 19 MiB of memory, two passes, one lane, as OWASP advises
//! (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
//!
//! **Invariant:** an attempt takes as long for nobody's address as for somebody's. Callers run this off the runtime's
//! threads: it takes tens of milliseconds.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Characters of a password at least.
pub const PASSWORD_LEN_MIN: usize = 10;
/// Bytes of a password at most: a longer one costs time and adds nothing.
pub const PASSWORD_LEN_MAX: usize = 1024;

/// A hash that nothing matches, made like all others, for addresses that nobody has.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzLg$ZCtDLkGeAOLg9JCqE9ybsdWGcSmgSnfsxIMgZ1rzJyk";

/// Why a password isn't taken. The texts are for its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("Use at least 10 characters")]
    Short,
    #[error("Use at most 1,024 characters")]
    Long,
    #[error("This password is one of the first that is tried. Choose another")]
    Common,
    #[error("The password could not be hashed")]
    Failed,
}

/// Beginnings of what people choose when they must choose ten characters.
const COMMON: [&str; 12] = [
    "password",
    "passwort",
    "1234567890",
    "0123456789",
    "qwertyuiop",
    "qwertz",
    "administrator",
    "letmein",
    "iloveyou",
    "changeme",
    "postrider",
    "welcome",
];

/// The PHC string of a password's hash. `fill` gives the salt.
pub fn hash_password(password: &str, fill: &mut dyn FnMut(&mut [u8])) -> Result<String, PasswordError> {
    check(password)?;
    let salt = crate::random::<16>(fill);
    let hash = argon2().hash_password_with_salt(password.as_bytes(), salt.as_slice());
    hash.map(|hash| hash.to_string()).map_err(|_| PasswordError::Failed)
}

/// Whether `password` is the one that was hashed. Without a hash, `false` after the same time.
pub fn password_matches(password: &str, hash: Option<&str>) -> bool {
    let password = if password.len() > PASSWORD_LEN_MAX { "" } else { password };
    let matches = argon2().verify_password(password.as_bytes(), hash.unwrap_or(NOBODYS)).is_ok();
    matches && hash.is_some()
}

fn check(password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < PASSWORD_LEN_MIN {
        return Err(PasswordError::Short);
    }
    if password.len() > PASSWORD_LEN_MAX {
        return Err(PasswordError::Long);
    }
    let lower = password.to_lowercase();
    let mut chars = lower.chars();
    let first = chars.next();
    // What follows a common beginning is a year or an exclamation mark.
    let common = COMMON.iter().any(|word| lower.strip_prefix(word).is_some_and(|rest| rest.chars().count() < 6));
    if common || chars.all(|c| Some(c) == first) {
        return Err(PasswordError::Common);
    }
    Ok(())
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(byte: u8) -> impl FnMut(&mut [u8]) {
        move |bytes| bytes.fill(byte)
    }

    #[test]
    fn a_hash_is_argon2id_with_its_own_salt_and_matches_its_password_alone() {
        let hash = hash_password("four random words", &mut fill(1)).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hash_password("four random words", &mut fill(2)).unwrap());
        assert!(password_matches("four random words", Some(&hash)));
        for wrong in ["four random word", "Four random words", "four random words ", ""] {
            assert!(!password_matches(wrong, Some(&hash)), "{wrong}");
        }
        assert!(!password_matches("four random words", None));
        assert!(!password_matches("four random words", Some("no hash")));
    }

    #[test]
    fn the_hash_of_nobody_costs_what_others_do() {
        let others = hash_password("four random words", &mut fill(1)).unwrap();
        let parts = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parts(NOBODYS), parts(&others));
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODYS).is_ok());
        assert_eq!(NOBODYS.len(), others.len());
    }

    #[test]
    fn a_password_that_is_tried_first_is_refused() {
        let check = |password: &str| check(password).err();
        for good in ["four random words", "Tr0ub4dor&3x", "password and eight more", "äöüäöüäöüä"] {
            assert_eq!(check(good), None, "{good}");
        }
        assert_eq!(check("nine char"), Some(PasswordError::Short));
        assert_eq!(check("äöüäöüäöü"), Some(PasswordError::Short));
        assert_eq!(check(&"ab".repeat(513)), Some(PasswordError::Long));
        for bad in ["Password2026", "aaaaaaaaaaaa", "1234567890", "postrider1!"] {
            assert_eq!(check(bad), Some(PasswordError::Common), "{bad}");
        }
    }
}
