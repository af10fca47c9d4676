//! Accounts: who may sign in with a password. The password itself is not kept, but HA1, the hash
//! that SIP's digest needs (RFC 7616 3.4.2, RFC 8760 2.3).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sip::digest::{Ha1, Hash};
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

use crate::aor::{Aor, DisplayName};

/// The accounts of this server.
#[derive(Debug)]
pub struct Accounts {
    by_aor: BTreeMap<Aor, Account>,
    limit: usize,
    /// What an unknown user's password is compared with, so that he costs as much as a known one.
    decoy: Credentials,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who it is.
    pub aor: Aor,
    /// His name for people, if another is wanted.
    pub display_name: Option<DisplayName>,
    /// How he proves it.
    pub credentials: Credentials,
}

/// A user's HA1 by each hash function, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    user: SmolStr,
    realm: SmolStr,
    md5: Option<Ha1>,
    sha256: Option<Ha1>,
    sha512_256: Option<Ha1>,
}

/// Why an account was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AccountsError {
    /// The address of record has an account.
    #[error("the address of record has an account already")]
    Exists,
    /// Our limit.
    #[error("there are as many accounts as there may be")]
    Full,
}

impl Accounts {
    /// No accounts, and room for `limit`.
    pub fn new(limit: usize) -> Self {
        Self {
            by_aor: BTreeMap::new(),
            limit,
            decoy: Credentials::of("decoy", "decoy", ""),
        }
    }

    /// Adds an account.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing has changed then.
    pub fn add(&mut self, account: Account) -> Result<(), AccountsError> {
        if self.by_aor.contains_key(&account.aor) {
            return Err(AccountsError::Exists);
        }
        if self.by_aor.len() >= self.limit {
            return Err(AccountsError::Full);
        }
        self.by_aor.insert(account.aor.clone(), account);
        Ok(())
    }

    /// Puts an account in the place of the one of the same address of record, which is given back.
    /// `None`, and nothing changed, if there is none.
    pub fn replace(&mut self, account: Account) -> Option<Account> {
        let old = self.by_aor.remove(&account.aor)?;
        self.by_aor.insert(account.aor.clone(), account);
        Some(old)
    }

    /// Takes an account away.
    pub fn remove(&mut self, aor: &Aor) -> Option<Account> {
        self.by_aor.remove(aor)
    }

    /// The account of an address of record.
    pub fn get(&self, aor: &Aor) -> Option<&Account> {
        self.by_aor.get(aor)
    }

    /// All accounts, in the order of their addresses of record.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_aor.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_aor.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.by_aor.is_empty()
    }

    /// The account, if the password is its own. It takes the same time whether the user is
    /// unknown or the password wrong.
    pub fn verify_password(&self, aor: &Aor, password: &str) -> Option<&Account> {
        let account = self.by_aor.get(aor);
        let credentials = account.map_or(&self.decoy, |account| &account.credentials);
        let right = credentials.verify(password);
        account.filter(|_| right)
    }
}

impl Credentials {
    /// From a password, for all algorithms.
    pub fn from_password(aor: &Aor, password: &str) -> Self {
        Self::of(aor.user(), &aor.domain().to_smolstr(), password)
    }

    /// From hashes made elsewhere for the user part of `aor` and the realm, at least one of them;
    /// lengths are those of the algorithms.
    pub fn from_ha1(
        aor: &Aor,
        realm: &str,
        md5: Option<[u8; 16]>,
        sha256: Option<[u8; 32]>,
        sha512_256: Option<[u8; 32]>,
    ) -> Option<Self> {
        let some = md5.is_some() || sha256.is_some() || sha512_256.is_some();
        some.then(|| Self {
            user: aor.user().into(),
            realm: realm.into(),
            md5: md5.and_then(|bytes| Ha1::new(Hash::Md5, &bytes)),
            sha256: sha256.and_then(|bytes| Ha1::new(Hash::Sha256, &bytes)),
            sha512_256: sha512_256.and_then(|bytes| Ha1::new(Hash::Sha512_256, &bytes)),
        })
    }

    /// The user name that is hashed.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The realm that is hashed.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// HA1 by one hash function, if it is known.
    pub fn ha1(&self, hash: Hash) -> Option<Ha1> {
        match hash {
            Hash::Md5 => self.md5,
            Hash::Sha256 => self.sha256,
            Hash::Sha512_256 => self.sha512_256,
        }
    }

    /// True if the password is the right one. All hashes are made and compared whichever are
    /// known, each in constant time. An unknown one rules nothing out.
    pub fn verify(&self, password: &str) -> bool {
        let typed = Self::of(&self.user, &self.realm, password);
        let same = |known: Option<Ha1>, typed: Option<Ha1>| known.or(typed) == typed;
        same(self.md5, typed.md5)
            & same(self.sha256, typed.sha256)
            & same(self.sha512_256, typed.sha512_256)
    }

    fn of(user: &str, realm: &str, password: &str) -> Self {
        let ha1 = |hash| Some(Ha1::of(hash, user, realm, password));
        Self {
            user: user.into(),
            realm: realm.into(),
            md5: ha1(Hash::Md5),
            sha256: ha1(Hash::Sha256),
            sha512_256: ha1(Hash::Sha512_256),
        }
    }
}
