//! Algebraic laws by quickcheck, from a fixed seed: a test that fails once fails again.

/// The seed of every law.
pub(crate) const SEED: u64 = 240_100_793;

/// Properties as tests, in the form of `quickcheck!`.
macro_rules! laws {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block)*) => {$(
        #[test]
        $(#[$attribute])*
        fn $name() {
            fn law($($argument: $type),*) -> $result $body
            let generator = quickcheck::Gen::from_size_and_seed(100, $crate::seeded::SEED);
            println!("seed {}", $crate::seeded::SEED);
            quickcheck::QuickCheck::new().rng(generator).quickcheck(law as fn($($type),*) -> $result);
        }
    )*};
}
