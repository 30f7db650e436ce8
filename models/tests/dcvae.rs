//! DC-VAE against golden vectors made by the authors' modules, and against its closed forms and tables.

use ndarray::{ArrayD, Axis, Ix1, Ix3, s};
use viewless_models::dcvae::{self, Tensors};
use viewless_protocols::circuit::Owner;
use viewless_protocols::model::dcvae::{Choices, DcVaeConfig, IMAGE, LATENT, Tally, Task, circuit, tally};
use viewless_protocols::nonlinear::Registry;

/// What the original modules give for the portable weights: six numbers and the sum of all, of encoder and decoder, and the sum of
/// decoding a tenth of the means.
struct Golden {
    model: &'static str,
    encoder: ([f64; 6], f64),
    decoder: ([f64; 6], f64),
    chain: f64,
}

const GOLDEN: [Golden; 3] = [
    Golden {
        model: "dc-vae-8",
        encoder: (
            [-0.0819313439492, -0.403860469763, -0.32509103752, -0.415220770566, 0.0648086399088, -0.0383798533303],
            -3.1306161401,
        ),
        decoder: (
            [-0.174209772831, -0.188324175741, -0.195827981508, -0.225111034112, -0.189329790447, -0.140446147862],
            -47.986340777,
        ),
        chain: -37.783609557,
    },
    Golden {
        model: "dc-vae-16",
        encoder: (
            [1.54169506314, -0.979365031697, -0.987832497576, 5.09244643718, -0.212001518679, 6.0763285861],
            -28.3942606622,
        ),
        decoder: (
            [-0.00452183158912, -0.106177896868, -0.177590026576, -0.159156432058, -0.157528667437, -0.187333910734],
            -66.6548390219,
        ),
        chain: -75.7246009005,
    },
    Golden {
        model: "dc-vae-32",
        encoder: (
            [4.59498604776, 5.46679655182, -11.0859264475, 0.830994717448, -16.6015674595, 29.8020447935],
            200.004068648,
        ),
        decoder: (
            [-0.0483990829186, -0.290362123414, -0.303613422351, -0.247075480914, -0.328380195303, -0.311700091713],
            -1034.94223114,
        ),
        chain: -1246.10646174,
    },
];

/// The printed numbers have twelve digits, and their sums as many.
fn near(found: f64, printed: f64) -> bool {
    (found - printed).abs() <= 1e-11 * printed.abs().max(1.0)
}

fn matches(found: &[f64], golden: &([f64; 6], f64)) -> bool {
    found.iter().zip(golden.0).all(|(&found, printed)| near(found, printed)) && near(found.iter().sum(), golden.1)
}

fn inputs(config: &DcVaeConfig) -> (ArrayD<f64>, ArrayD<f64>) {
    let side = config.side();
    (dcvae::input("x", &[2, config.channels(), side, side]), dcvae::input("z", &[2, config.latent()]))
}

/// What the circuit makes over the reals.
fn evaluated(config: &DcVaeConfig, tensors: &Tensors, task: Task, input: &ArrayD<f64>, rewrite: bool) -> Vec<f64> {
    let relu = Registry::built_in().get("relu/compare").unwrap();
    let choices = Choices { relu, tanh: None, exp: None, rewrite };
    let circuit = circuit(config, task, input.shape()[0], &choices).unwrap();
    let value = |owner, name: &str| match owner {
        Owner::Client if name == IMAGE || name == LATENT => Some(input.iter().copied().collect()),
        Owner::Client => None,
        Owner::Model => Some(tensors.get(name)?.iter().copied().collect()),
    };
    circuit.evaluate(value).unwrap().outputs.remove(0).2
}

fn tanh(x: &[f64]) -> Vec<f64> {
    x.iter().map(|&x| libm::tanh(x)).collect()
}

fn check_plain(golden: &Golden) {
    let config = DcVaeConfig::known(golden.model).unwrap();
    let weights = dcvae::weights(&config);
    let (x, z) = inputs(&config);
    let decoded =
        |z: ndarray::ArrayView1<'_, f64>| tanh(dcvae::decode(&weights, &config, z).unwrap().as_slice().unwrap());
    let (mut codes, mut images, mut chain) = (Vec::new(), Vec::new(), 0.0);
    for (x, z) in x.axis_iter(Axis(0)).zip(z.axis_iter(Axis(0))) {
        let code = dcvae::encode(&weights, x.into_dimensionality::<Ix3>().unwrap()).unwrap();
        let tenth = code.slice(s![..config.latent()]).mapv(|mu| 0.1 * mu);
        chain += decoded(tenth.view()).iter().sum::<f64>();
        codes.extend(code);
        images.extend(decoded(z.into_dimensionality::<Ix1>().unwrap()));
    }
    assert!(matches(&codes, &golden.encoder), "{}: {:?}", golden.model, &codes[..6]);
    assert!(matches(&images, &golden.decoder), "{}: {:?}", golden.model, &images[..6]);
    assert!(near(chain, golden.chain), "{}: {chain}", golden.model);
}

#[test]
fn the_plaintext_pass_gives_the_numbers_of_the_original_modules() {
    GOLDEN.iter().for_each(check_plain);
}

#[test]
fn the_circuit_gives_them_with_and_without_rewrites() {
    for golden in &GOLDEN[..2] {
        let config = DcVaeConfig::known(golden.model).unwrap();
        let folded = dcvae::folded(&dcvae::weights(&config)).unwrap();
        let (x, z) = inputs(&config);
        for rewrite in [false, true] {
            let code = evaluated(&config, &folded, Task::Encode, &x, rewrite);
            assert!(matches(&code, &golden.encoder), "{}: {:?}", golden.model, &code[..6]);
            let image = tanh(&evaluated(&config, &folded, Task::Decode, &z, rewrite));
            assert!(matches(&image, &golden.decoder), "{}: {:?}", golden.model, &image[..6]);
        }
    }
}

fn tallied(config: &DcVaeConfig, task: Task, rewrite: bool) -> Tally {
    let relu = Registry::built_in().get("relu/compare").unwrap();
    tally(&circuit(config, task, 1, &Choices { relu, tanh: None, exp: None, rewrite }).unwrap())
}

#[test]
fn parameters_products_and_relus_of_each_model_equal_the_closed_forms() {
    let printed = [
        ("dc-vae-8", [4_320, 3_993], [70_336, 111_904], [928, 1_352], [1_112, 3_172]),
        ("dc-vae-16", [17_216, 16_545], [1_086_976, 1_754_112], [7_424, 10_816], [8_528, 25_360]),
        ("dc-vae-32", [1_086_464, 4_405_251], [272_105_472, 1_765_015_552], [237_568, 692_224], [266_112, 1_622_144]),
    ];
    for (name, parameters, products, relus, read) in printed {
        let config = DcVaeConfig::known(name).unwrap();
        assert_eq!((config.parameters(), config.products(), config.relus()), (parameters, products, relus), "{name}");
        let size = |tensors: Vec<viewless_protocols::model::dcvae::Tensor>| {
            tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum::<usize>()
        };
        // Two numbers of the normalisation's four are learnt.
        let learnt = [size(config.encoder_tensors()), size(config.decoder_tensors()) + 2 * config.decoder_width()];
        assert_eq!(learnt, parameters, "{name}");
        for (i, task) in [Task::Encode, Task::Decode].into_iter().enumerate() {
            let tally = tallied(&config, task, false);
            assert_eq!(tally.sum(|layer| layer.products), products[i], "{name}");
            assert_eq!((tally.selected, tally.sum(|layer| layer.inputs)), (relus[i], read[i]), "{name}");
        }
    }
}

/// A layer with its products, and the elements of its input, kernel, windows and result.
type Row = (&'static str, [usize; 5]);

#[test]
fn every_layer_of_the_published_model_has_the_sizes_of_the_table() {
    let encoder: [Row; 11] = [
        ("encoder.block1/c1", [3_538_944, 3_072, 3_456, 27_648, 131_072]),
        ("encoder.block1/c2", [150_994_944, 131_072, 147_456, 1_179_648, 131_072]),
        ("encoder.block1/c_sc", [98_304, 768, 384, 768, 32_768]),
        ("encoder.block2/c1", [37_748_736, 32_768, 147_456, 294_912, 32_768]),
        ("encoder.block2/c2", [37_748_736, 32_768, 147_456, 294_912, 32_768]),
        ("encoder.block2/c_sc", [4_194_304, 32_768, 16_384, 32_768, 32_768]),
        ("encoder.block3/c1", [9_437_184, 8_192, 147_456, 73_728, 8_192]),
        ("encoder.block3/c2", [9_437_184, 8_192, 147_456, 73_728, 8_192]),
        ("encoder.block4/c1", [9_437_184, 8_192, 147_456, 73_728, 8_192]),
        ("encoder.block4/c2", [9_437_184, 8_192, 147_456, 73_728, 8_192]),
        ("encoder.l5", [32_768, 128, 32_768, 128, 256]),
    ];
    let decoder: [Row; 13] = [
        ("decoder.l1", [524_288, 128, 524_288, 128, 4_096]),
        ("decoder.cell1/c1", [37_748_736, 16_384, 589_824, 147_456, 16_384]),
        ("decoder.cell1/c2", [37_748_736, 16_384, 589_824, 147_456, 16_384]),
        ("decoder.cell1/c_sc", [4_194_304, 16_384, 65_536, 16_384, 16_384]),
        ("decoder.cell2/c1", [150_994_944, 65_536, 589_824, 589_824, 65_536]),
        ("decoder.cell2/skip0", [16_777_216, 65_536, 65_536, 65_536, 65_536]),
        ("decoder.cell2/c2", [150_994_944, 65_536, 589_824, 589_824, 65_536]),
        ("decoder.cell2/c_sc", [16_777_216, 65_536, 65_536, 65_536, 65_536]),
        ("decoder.cell3/c1", [603_979_776, 262_144, 589_824, 2_359_296, 262_144]),
        ("decoder.cell3/skip0", [67_108_864, 262_144, 65_536, 262_144, 262_144]),
        ("decoder.cell3/skip1", [67_108_864, 262_144, 65_536, 262_144, 262_144]),
        ("decoder.cell3/c2", [603_979_776, 262_144, 589_824, 2_359_296, 262_144]),
        ("decoder.to_rgb", [7_077_888, 262_144, 6_912, 2_359_296, 3_072]),
    ];
    let config = DcVaeConfig::known("dc-vae-32").unwrap();
    for (task, rows) in [(Task::Encode, encoder.to_vec()), (Task::Decode, decoder.to_vec())] {
        let tally = tallied(&config, task, false);
        assert_eq!(tally.layers.len(), rows.len());
        for (region, sizes) in rows {
            let layer = tally.layer(region).unwrap_or_else(|| panic!("{region}"));
            assert_eq!([layer.products, layer.inputs, layer.weights, layer.windows, layer.outputs], sizes, "{region}");
        }
    }
}

#[test]
fn rewrites_save_two_fifths_of_the_encoder_s_products_and_more_than_a_quarter_of_the_decoder_s() {
    let config = DcVaeConfig::known("dc-vae-32").unwrap();
    let of = |task, rewrite| {
        let tally = tallied(&config, task, rewrite);
        [
            tally.sum(|layer| layer.products),
            tally.sum(|layer| layer.inputs),
            tally.sum(|layer| layer.outputs),
            tally.sum(|layer| layer.weights),
        ]
    };
    let saved = |task| 1.0 - of(task, true)[0] as f64 / of(task, false)[0] as f64;
    assert!((saved(Task::Encode) - 0.397).abs() < 5e-4 && (saved(Task::Decode) - 0.282).abs() < 5e-4);
    assert_eq!(of(Task::Encode, true), [164_102_144, 241_536, 278_784, 1_314_560]);
    assert_eq!(of(Task::Decode, true), [1_266_941_952, 860_288, 814_080, 5_315_328]);
    assert_eq!(of(Task::Encode, false)[2..], [426_240, 1_085_184]);
    assert_eq!(of(Task::Decode, false)[2..], [1_367_040, 4_397_824]);
}
