mod condition;
mod names;
mod statement;
