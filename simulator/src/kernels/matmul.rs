//! Matrix products modulo 2^64: C = A · B or C += A · B.
//!
//! # How it is done
//!
//! C is cut into tasks, each a range of rows and a range of *panels* of `PANEL` columns; tasks write disjoint parts of C and
//! run on any thread. Within a task, `DEPTH` rows of one panel of B at a time are *packed*, that is, copied to 32 KiB of
//! contiguous stack, where they stay in the level-one cache while the rows of A pass by, `TILE_ROWS` at a time; meanwhile
//! the lines to be packed next are fetched from memory. The sums of a tile of `TILE_ROWS` × `PANEL` elements of C stay in registers over those `DEPTH` steps. A is read where it lies.
//!
//! With few rows there is nothing to amortise the packing: B is then read where it lies, `DIRECT_DEPTH` whole rows at a
//! time, so that memory is read in long streams.
//!
//! Nothing is allocated. Addition modulo 2^64 is associative, so neither the tasks nor the threads show in the result.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use rayon::prelude::*;

use super::CodePath;
use super::bits::ring_bits;

/// Columns of a panel: four vectors of 512 bits.
const PANEL: usize = 32;
/// Rows of a packed part of a panel: 128 rows of 32 elements are 32 KiB.
const DEPTH: usize = 128;
/// Rows of a tile: with `PANEL` columns, 16 vectors of 512 bits, half of the registers.
const TILE_ROWS: usize = 4;
/// Elements of C that are worked on at a time, 256 KiB, so that they stay in a level-two cache. The panels of such a *group*
/// take their turns for the same rows of B, which are thus read in long stretches, and the same columns of A.
const GROUP_ELEMENTS: usize = 1 << 15;
/// A group has at least four panels, so that at least 1 KiB is read from each row of B.
const LEAST_GROUP_COLUMNS: usize = 4 * PANEL;
/// Up to this many rows, B is not packed.
const DIRECT_ROWS: usize = 8;
/// Rows of B that are read together when B is not packed.
const DIRECT_DEPTH: usize = 16;
/// Below this many multiplications a product is made by the calling thread: others would take longer to wake up.
const SEQUENTIAL_MULTIPLICATIONS: u128 = 1 << 18;
/// Rows of C that a task should have at least, so that packing does not dominate.
const TASK_ROWS: usize = 64;

/// The shape of a product, or of a batch of products of the same shape.
///
/// The product of index `i` multiplies the matrix `[rows, inner]` at element `i * left_stride` of the left operand by the
/// matrix `[inner, columns]`, or `[columns, inner]` if `right_is_transposed`, at element `i * right_stride` of the right one.
/// All matrices are in row-major order, and the results lie one after another. A stride of zero shares an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Number of products.
    pub batch: usize,
    /// Rows of the left operand and of the result.
    pub rows: usize,
    /// Columns of the left operand, rows of the right one.
    pub inner: usize,
    /// Columns of the right operand and of the result.
    pub columns: usize,
    /// Elements from one left operand to the next.
    pub left_stride: usize,
    /// Elements from one right operand to the next.
    pub right_stride: usize,
    /// Whether the right operand is stored as `[columns, inner]`.
    pub right_is_transposed: bool,
    /// Whether the products are added to what the result holds.
    pub accumulate: bool,
    /// 2^k − 1; the result is reduced modulo 2^k.
    pub mask: u64,
}

impl Product {
    /// One product of `[rows, inner]` by `[inner, columns]`, modulo 2^64.
    pub fn new(rows: usize, inner: usize, columns: usize) -> Self {
        Self {
            batch: 1,
            rows,
            inner,
            columns,
            left_stride: rows * inner,
            right_stride: inner * columns,
            right_is_transposed: false,
            accumulate: false,
            mask: u64::MAX,
        }
    }

    /// As many products, with operands one after another unless shared.
    pub fn batched(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    /// All products share the left operand.
    pub fn shared_left(self) -> Self {
        Self { left_stride: 0, ..self }
    }

    /// All products share the right operand.
    pub fn shared_right(self) -> Self {
        Self { right_stride: 0, ..self }
    }

    /// The right operand is stored as `[columns, inner]`.
    pub fn transposed_right(self) -> Self {
        Self { right_is_transposed: true, ..self }
    }

    /// The products are added to what the result holds.
    pub fn accumulating(self) -> Self {
        Self { accumulate: true, ..self }
    }

    /// The result is reduced by `mask` = 2^k − 1.
    pub fn masked(self, mask: u64) -> Self {
        Self { mask, ..self }
    }

    /// Elements of the whole result.
    ///
    /// # Panics
    /// If the number does not fit a `usize`: the kernels' safety rests on it.
    pub fn result_elements(&self) -> usize {
        length(self.batch, self.rows, self.columns)
    }

    /// Multiplications (and additions) of the whole product.
    pub fn multiplications(&self) -> u128 {
        self.result_elements() as u128 * self.inner as u128
    }

    /// Elements from the first to the last that the product reads of an operand with `stride` and `rows * columns` elements
    /// in each matrix.
    fn operand_elements(&self, stride: usize, rows: usize, columns: usize) -> usize {
        let last_start = length(self.batch.saturating_sub(1), stride, 1);
        last_start.checked_add(length(rows, columns, 1)).expect("an operand's length fits a usize")
    }
}

/// The product of three lengths, which an overflow must not make small.
fn length(a: usize, b: usize, c: usize) -> usize {
    a.checked_mul(b).and_then(|ab| ab.checked_mul(c)).expect("a matrix's length fits a usize")
}

/// Makes a product on the given code path, by all threads of the current rayon pool. The result does not depend on either.
///
/// # Panics
/// If this processor cannot run the path, if `c` does not have the result's length, or if an operand is too short.
pub fn matmul(path: CodePath, product: &Product, a: &[u64], b: &[u64], c: &mut [u64]) {
    path.assert_available();
    ring_bits(product.mask);
    assert_eq!(c.len(), product.result_elements(), "the result has the product's shape {product:?}");
    if c.is_empty() {
        return;
    }
    let left_elements = product.operand_elements(product.left_stride, product.rows, product.inner);
    let right_elements = product.operand_elements(product.right_stride, product.inner, product.columns);
    assert!(a.len() >= left_elements, "the left operand holds {product:?}");
    assert!(b.len() >= right_elements, "the right operand holds {product:?}");
    if product.inner == 0 {
        c.iter_mut().for_each(|c| *c = if product.accumulate { *c & product.mask } else { 0 });
        return;
    }

    let mut product = *product;
    if product.right_stride == 0 && product.left_stride == product.rows * product.inner {
        // Products that share the right operand, one after another, are one product.
        product.rows *= std::mem::replace(&mut product.batch, 1);
    }
    let threads = if product.multiplications() < SEQUENTIAL_MULTIPLICATIONS { 1 } else { rayon::current_num_threads() };
    let grid = Grid::new(&product, threads);
    let result = ResultPointer(c.as_mut_ptr());
    if threads == 1 {
        (0..grid.tasks()).for_each(|index| grid.task(index).run(path, a, b, result));
    } else {
        (0..grid.tasks()).into_par_iter().for_each(|index| grid.task(index).run(path, a, b, result));
    }
}

/// Where the result begins. Tasks on several threads write to it, each to its own elements.
#[derive(Clone, Copy)]
struct ResultPointer(*mut u64);

// SAFETY: the pointer comes from a mutable slice that is borrowed for the whole product, and every element is written by one
// task only (`Grid::task` gives disjoint ranges), so threads never touch the same element.
unsafe impl Send for ResultPointer {}
// SAFETY: as above.
unsafe impl Sync for ResultPointer {}

/// How a product is cut into tasks.
struct Grid<'a> {
    product: &'a Product,
    row_ranges: usize,
    panel_ranges: usize,
}

impl<'a> Grid<'a> {
    fn new(product: &'a Product, threads: usize) -> Self {
        // A few tasks for each thread even out their different speeds; panels are cut first, because tasks that share a panel
        // pack it each for itself.
        let wanted = if threads == 1 { 1 } else { 6 * threads };
        let panels = product.columns.div_ceil(PANEL);
        let panel_ranges = wanted.div_ceil(product.batch).min(panels);
        let row_ranges = wanted.div_ceil(product.batch * panel_ranges).min(product.rows.div_ceil(TASK_ROWS));
        Self { product, row_ranges, panel_ranges }
    }

    fn tasks(&self) -> usize {
        self.product.batch * self.row_ranges * self.panel_ranges
    }

    /// Tasks of different index have disjoint parts of the result.
    fn task(&self, index: usize) -> Task<'a> {
        let (index, panel_range) = (index / self.panel_ranges, index % self.panel_ranges);
        let (batch_index, row_range) = (index / self.row_ranges, index % self.row_ranges);
        let panels = self.product.columns.div_ceil(PANEL);
        let panel = |range: usize| (range * panels / self.panel_ranges * PANEL).min(self.product.columns);
        let row = |range: usize| range * self.product.rows / self.row_ranges;
        Task {
            product: self.product,
            batch_index,
            rows: row(row_range)..row(row_range + 1),
            columns: panel(panel_range)..panel(panel_range + 1),
        }
    }
}

/// The part of one product's result that one thread makes.
struct Task<'a> {
    product: &'a Product,
    batch_index: usize,
    rows: std::ops::Range<usize>,
    /// Whole panels, except at the end of the matrix.
    columns: std::ops::Range<usize>,
}

/// A part of a panel of B, contiguous: row `p` begins at element `p * PANEL`. Columns beyond the matrix, up to a multiple of
/// 8, are zero.
#[repr(align(64))]
struct Packed([u64; DEPTH * PANEL]);

/// One step of a product: up to [`TILE_ROWS`] rows and [`PANEL`] columns of C, over `depth` of the inner indices.
struct Tile<'a> {
    rows: usize,
    columns: usize,
    depth: usize,
    /// Row `r` of A begins at `r * a_stride`.
    a: &'a [u64],
    a_stride: usize,
    /// Row `p` of B begins at `p * b_stride`, and has `columns` elements, rounded up to a multiple of 8.
    b: &'a [u64],
    b_stride: usize,
    /// Row `r` of C begins at `r * c_stride`; this task alone uses the elements of the tile.
    c: *mut u64,
    c_stride: usize,
    /// Whether to add to what C holds.
    accumulate: bool,
    mask: u64,
    prefetch: Prefetch,
}

/// Which cache lines of B to ask for while a tile is made, one at each step, so that they are near when they are packed: rows
/// of B are far apart, and the processor does not foresee them. Asking has no effect on the result, whatever the address.
#[derive(Clone, Copy)]
struct Prefetch {
    start: *const u64,
    /// Elements from one step's line to the next.
    stride: usize,
    /// Elements from the line of one step to that of the sixteenth after it.
    stride_of_16: usize,
}

impl Prefetch {
    /// Asks for the same line at every step.
    fn nothing(b: &[u64]) -> Self {
        Self { start: b.as_ptr(), stride: 0, stride_of_16: 0 }
    }
}

impl Task<'_> {
    fn run(&self, path: CodePath, a: &[u64], b: &[u64], c: ResultPointer) {
        let product = self.product;
        let a = &a[self.batch_index * product.left_stride..][..product.rows * product.inner];
        let b = &b[self.batch_index * product.right_stride..][..product.inner * product.columns];
        let c = ResultPointer(c.0.wrapping_add(self.batch_index * product.rows * product.columns));
        let whole_panels_end = self.columns.start + self.columns.len() / PANEL * PANEL;
        if product.right_is_transposed || self.rows.len() > DIRECT_ROWS {
            self.run_packed(path, a, b, c, self.columns.start);
        } else {
            self.run_direct(path, a, b, c, whole_panels_end);
            self.run_packed(path, a, b, c, whole_panels_end);
        }
    }

    /// The panels before column `end`, all of them whole, with B read where it lies.
    fn run_direct(&self, path: CodePath, a: &[u64], b: &[u64], c: ResultPointer, end: usize) {
        let Product { inner, columns, .. } = *self.product;
        for first_inner in (0..inner).step_by(DIRECT_DEPTH) {
            let depth = DIRECT_DEPTH.min(inner - first_inner);
            for column in (self.columns.start..end).step_by(PANEL) {
                let b = &b[first_inner * columns + column..];
                let nothing = |_| Prefetch::nothing(b);
                self.run_tiles(path, a, (b, columns), c, first_inner, depth, column, nothing);
            }
        }
    }

    /// The panels from column `start` on, packed.
    fn run_packed(&self, path: CodePath, a: &[u64], b: &[u64], c: ResultPointer, start: usize) {
        if start == self.columns.end {
            return;
        }
        let inner = self.product.inner;
        let mut packed = Packed([0; DEPTH * PANEL]);
        let group = (GROUP_ELEMENTS / self.rows.len()).next_multiple_of(PANEL).max(LEAST_GROUP_COLUMNS);
        for group_start in (start..self.columns.end).step_by(group) {
            let group_end = self.columns.end.min(group_start + group);
            for first_inner in (0..inner).step_by(DEPTH) {
                let depth = DEPTH.min(inner - first_inner);
                for column in (group_start..group_end).step_by(PANEL) {
                    self.pack(path, b, first_inner, depth, column, &mut packed);
                    let next = match column + PANEL {
                        next_column if next_column < group_end => (first_inner, next_column),
                        _ => (first_inner + depth, group_start),
                    };
                    let prefetch = |tile| self.prefetch(b, next, tile);
                    self.run_tiles(path, a, (&packed.0, PANEL), c, first_inner, depth, column, prefetch);
                }
            }
        }
    }

    /// The lines to ask for during the tile of this index in a part of a panel, if the part to be packed next begins at `next`:
    /// the first four tiles ask for all of its 512 lines.
    fn prefetch(&self, b: &[u64], next: (usize, usize), tile: usize) -> Prefetch {
        let Product { inner, columns, right_is_transposed, .. } = *self.product;
        let (first_inner, column) = next;
        if tile >= PANEL / 8 || first_inner >= inner {
            Prefetch::nothing(b)
        } else if right_is_transposed {
            let start = b.as_ptr().wrapping_add((column + 8 * tile) * inner + first_inner);
            Prefetch { start, stride: 8, stride_of_16: inner }
        } else {
            let start = b.as_ptr().wrapping_add(first_inner * columns + column + 8 * tile);
            Prefetch { start, stride: columns, stride_of_16: 16 * columns }
        }
    }

    /// All rows of this task, for one panel and `depth` inner indices.
    #[expect(clippy::too_many_arguments, reason = "three matrices and a position")]
    fn run_tiles(
        &self,
        path: CodePath,
        a: &[u64],
        (b, b_stride): (&[u64], usize),
        c: ResultPointer,
        first_inner: usize,
        depth: usize,
        column: usize,
        prefetch: impl Fn(usize) -> Prefetch,
    ) {
        let product = self.product;
        for (index, row) in self.rows.clone().step_by(TILE_ROWS).enumerate() {
            let tile = Tile {
                rows: TILE_ROWS.min(self.rows.end - row),
                columns: PANEL.min(self.columns.end - column),
                depth,
                a: &a[row * product.inner + first_inner..],
                a_stride: product.inner,
                b,
                b_stride,
                c: c.0.wrapping_add(row * product.columns + column),
                c_stride: product.columns,
                accumulate: product.accumulate || first_inner > 0,
                mask: product.mask,
                prefetch: prefetch(index),
            };
            tile.assert_within_operands();
            // SAFETY: `matmul` asserted that the processor can run the path; the tile lies within its operands, as just
            // asserted, and within the rows and columns of this task, which no other task touches.
            unsafe {
                match path {
                    CodePath::Scalar => portable::tile(&tile),
                    #[cfg(target_arch = "x86_64")]
                    CodePath::Avx2 => avx2::tile(&tile),
                    #[cfg(target_arch = "x86_64")]
                    CodePath::Avx512 => avx512::tile(&tile),
                    #[cfg(not(target_arch = "x86_64"))]
                    CodePath::Avx2 | CodePath::Avx512 => unreachable!("not available, as `matmul` asserted"),
                }
            }
        }
    }

    fn pack(&self, path: CodePath, b: &[u64], first_inner: usize, depth: usize, column: usize, packed: &mut Packed) {
        let Product { inner, columns, right_is_transposed, .. } = *self.product;
        let width = PANEL.min(self.columns.end - column);
        if !width.is_multiple_of(8) {
            packed.0.fill(0);
        }
        if right_is_transposed {
            let b = &b[column * inner + first_inner..];
            match path {
                #[cfg(target_arch = "x86_64")]
                CodePath::Avx512 => {
                    // SAFETY: `matmul` asserted that the processor can run the path; the function checks its bounds.
                    unsafe { avx512::pack_transposed(b, inner, depth, width, packed) }
                }
                _ => portable::pack_transposed(b, inner, 0..depth, 0..width, packed),
            }
            return;
        }
        let (packed_rows, _) = packed.0.as_chunks_mut::<PANEL>();
        for (packed_row, row) in packed_rows[..depth].iter_mut().zip(b[first_inner * columns..].chunks(columns)) {
            match row[column..].first_chunk::<PANEL>() {
                Some(row) => *packed_row = *row,
                None => packed_row[..width].copy_from_slice(&row[column..]),
            }
        }
    }
}

impl Tile<'_> {
    /// The part of the kernels' safety that a slice's length can show.
    fn assert_within_operands(&self) {
        let columns_read = self.columns.next_multiple_of(8);
        assert!((1..=TILE_ROWS).contains(&self.rows) && (1..=PANEL).contains(&self.columns) && self.depth > 0);
        assert!(self.a.len() >= (self.rows - 1) * self.a_stride + self.depth);
        assert!(self.b.len() >= (self.depth - 1) * self.b_stride + columns_read);
    }

    /// Writes the sums of up to `WIDTH` columns from `first_column` on.
    ///
    /// # Safety
    /// The elements of the tile in C are this task's to write.
    #[inline(always)]
    unsafe fn write<const WIDTH: usize>(&self, row: usize, first_column: usize, sums: &[u64; WIDTH]) {
        let width = WIDTH.min(self.columns - first_column);
        // SAFETY: these are elements of the tile, and no other reference to them exists, by this function's contract.
        let c = unsafe { std::slice::from_raw_parts_mut(self.c.add(row * self.c_stride + first_column), width) };
        for (c, sum) in c.iter_mut().zip(sums) {
            let before = if self.accumulate { *c } else { 0 };
            *c = before.wrapping_add(*sum) & self.mask;
        }
    }
}

#[cfg(test)]
mod tests;
