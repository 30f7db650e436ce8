//! Reports in words, tables and charts. Each file makes text or markup of a report; none of them computes, and none prints.

pub mod amp;
pub mod assay;
pub mod audit;
pub mod bench;
pub mod bill;
pub mod card;
pub mod chart;
pub mod comparison;
pub mod comparison_page;
pub mod failures;
pub mod inference;
pub mod model_report;
pub mod page;
pub mod picture;
pub mod plan;
pub mod plan_chart;
pub mod proof;
pub mod published;
pub mod rows;
pub mod sites;
pub mod statistics;
pub mod swarm;
pub mod table;
pub mod units;
pub mod variants;
pub mod words;
