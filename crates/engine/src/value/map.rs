//! Properties by name.
//!
//! A stack of ten thousand resources holds some hundred thousand of these, and nearly all have fewer than ten members.
//! So the members lie in one vector, in their order, and are found by looking through it; only a map that has become
//! large gets an index beside it, so that no input makes this quadratic.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Value;

/// From so many members on there is an index.
const LARGE: usize = 24;

/// Properties by name, in the order of the manifest. Two are equal where they have the same members, in any order.
#[derive(Debug, Default)]
pub struct Map {
    members: Vec<(String, Value)>,
    /// The position of each member, where there are many. Seeded at random, since names come from outside.
    index: Option<Box<Index>>,
}

type Index = HashMap<String, usize, RandomState>;

impl Map {
    /// No properties.
    pub const fn new() -> Self {
        Self { members: Vec::new(), index: None }
    }

    /// No properties yet, and room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self { members: Vec::with_capacity(count), index: None }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.members.iter().position(|(own, _)| own == name),
        }
    }

    /// Whether there is one of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).map(|position| &self.members[position].1)
    }

    /// The value of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let position = self.position(name)?;
        Some(&mut self.members[position].1)
    }

    /// Gives a name a value: in its place where there is one, which is returned, at the end otherwise.
    pub fn insert(&mut self, name: String, value: Value) -> Option<Value> {
        if let Some(position) = self.position(&name) {
            return Some(std::mem::replace(&mut self.members[position].1, value));
        }
        self.push(name, value);
        None
    }

    /// The value of a name, which gets one where it has none.
    pub fn get_or_insert_with(&mut self, name: &str, value: impl FnOnce() -> Value) -> &mut Value {
        let position = self.position(name).unwrap_or_else(|| self.push(name.to_owned(), value()));
        &mut self.members[position].1
    }

    /// Appends a name that is not there yet.
    fn push(&mut self, name: String, value: Value) -> usize {
        let position = self.members.len();
        if let Some(index) = &mut self.index {
            index.insert(name.clone(), position);
        }
        self.members.push((name, value));
        if self.index.is_none() && self.members.len() > LARGE {
            self.reindex();
        }
        position
    }

    fn reindex(&mut self) {
        self.index = (self.members.len() > LARGE).then(|| {
            let names = self.members.iter().map(|(name, _)| name.clone());
            Box::new(names.zip(0..).collect())
        });
    }

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let position = self.position(name)?;
        let (_, value) = self.members.remove(position);
        if self.index.is_some() {
            self.reindex();
        }
        Some(value)
    }

    /// Keeps the members for which the answer is yes.
    pub fn retain(&mut self, mut keeps: impl FnMut(&String, &mut Value) -> bool) {
        self.members.retain_mut(|(name, value)| keeps(name, value));
        if self.index.is_some() {
            self.reindex();
        }
    }

    /// Brings the names into their order.
    pub fn sort_keys(&mut self) {
        self.members.sort_by(|(one, _), (other, _)| one.cmp(other));
        if self.index.is_some() {
            self.reindex();
        }
    }

    /// The members, in their order.
    pub fn iter(&self) -> Iter<'_> {
        fn split((name, value): &(String, Value)) -> (&String, &Value) {
            (name, value)
        }
        self.members.iter().map(split)
    }

    /// The members, in their order, their values to be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_> {
        fn split((name, value): &mut (String, Value)) -> (&String, &mut Value) {
            (name, value)
        }
        self.members.iter_mut().map(split)
    }

    /// The names, in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &String> + ExactSizeIterator + Clone {
        self.members.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator + Clone {
        self.members.iter().map(|(_, value)| value)
    }

    /// The values, in the order of their names, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Value> + ExactSizeIterator {
        self.members.iter_mut().map(|(_, value)| value)
    }
}

/// The members of a [`Map`].
pub type Iter<'a> =
    std::iter::Map<std::slice::Iter<'a, (String, Value)>, fn(&'a (String, Value)) -> (&'a String, &'a Value)>;

/// The members of a [`Map`], their values to be changed.
pub type IterMut<'a> = std::iter::Map<
    std::slice::IterMut<'a, (String, Value)>,
    fn(&'a mut (String, Value)) -> (&'a String, &'a mut Value),
>;

impl Clone for Map {
    /// A copy without room for more: most maps are small and never grow.
    fn clone(&self) -> Self {
        Self { members: self.members.clone(), index: self.index.clone() }
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl std::ops::Index<&str> for Map {
    type Output = Value;

    /// # Panics
    ///
    /// There is none of this name.
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or_else(|| panic!("there is no member `{name}`"))
    }
}

impl FromIterator<(String, Value)> for Map {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(members: T) -> Self {
        let mut map = Self::new();
        map.extend(members);
        map.members.shrink_to_fit();
        map
    }
}

impl<const COUNT: usize> From<[(String, Value); COUNT]> for Map {
    fn from(members: [(String, Value); COUNT]) -> Self {
        members.into_iter().collect()
    }
}

impl Extend<(String, Value)> for Map {
    fn extend<T: IntoIterator<Item = (String, Value)>>(&mut self, members: T) {
        let members = members.into_iter();
        self.members.reserve(members.size_hint().0.min(1024));
        for (name, value) in members {
            self.insert(name, value);
        }
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a String, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = (&'a String, &'a mut Value);
    type IntoIter = IterMut<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(map: &Map) -> Vec<&str> {
        map.keys().map(String::as_str).collect()
    }

    /// Small and large ones, with the same calls.
    #[test]
    fn members_keep_their_order_and_are_found_by_name() {
        for count in [3, LARGE, LARGE + 1, 200] {
            let mut map: Map =
                (0..count).map(|number| (format!("n{number}"), Value::from(number.to_string()))).collect();
            assert_eq!(map.len(), count);
            assert_eq!(map.insert("n1".to_owned(), "again".into()), Some("1".into()));
            assert_eq!(names(&map)[..3], ["n0", "n1", "n2"]);
            assert_eq!(map.remove("n0"), Some("0".into()));
            assert_eq!(map.get("n0"), None);
            assert_eq!(map.get("n2"), Some(&"2".into()));
            assert_eq!(map["n1"], "again".into());
            assert_eq!(map.insert("n0".to_owned(), "last".into()), None);
            assert_eq!(names(&map).last(), Some(&"n0"));
            map.retain(|name, _| name != "n1");
            assert!(!map.contains_key("n1"));
            *map.get_or_insert_with("n1", || "new".into()) = "set".into();
            assert_eq!(map.get("n1"), Some(&"set".into()));
            map.sort_keys();
            assert_eq!(names(&map)[..2], ["n0", "n1"]);
            for (name, value) in map.clone() {
                assert_eq!(map.get(&name), Some(&value));
            }
        }
    }

    #[test]
    fn the_order_makes_no_difference() {
        let map = |names: &[&str]| -> Map { names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect() };
        assert_eq!(map(&["a", "b"]), map(&["b", "a"]));
        assert_ne!(map(&["a", "b"]), map(&["a", "c"]));
        assert_ne!(map(&["a", "b"]), map(&["a", "b", "c"]));
    }

    #[test]
    fn a_value_is_small() {
        assert!(size_of::<Value>() <= 40, "{}", size_of::<Value>());
    }
}
