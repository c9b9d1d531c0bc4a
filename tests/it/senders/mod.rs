//! Who really sent a mail: the public suites of SPF, ARC and DKIM, and what the desk makes of the results.

mod arc;
mod authority;
mod decision_0010_spf;
mod desk;
mod dkimpy;
mod dmarc;
mod door;
mod fields;
mod forged;
mod names;
mod proxy;
mod signatures;
mod suites;
