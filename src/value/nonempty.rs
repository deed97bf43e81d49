//! A list with a first element, so that "no members" has no spelling.

/// At least one item, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty<T> {
    items: Vec<T>,
}

impl<T> NonEmpty<T> {
    /// `None` when the list is empty.
    pub fn new(items: Vec<T>) -> Option<Self> {
        if items.is_empty() { None } else { Some(NonEmpty { items }) }
    }

    /// The first item.
    pub fn first(&self) -> &T {
        &self.items[0]
    }

    /// All items, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// As a slice, never empty.
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }
}

impl<'a, T> IntoIterator for &'a NonEmpty<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
