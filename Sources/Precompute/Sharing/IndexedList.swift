/// A place in one list of a window or its schedule. Places in different lists are different types, so that a
/// text's can't be taken for a document's.
package struct ListIndex<List>: Hashable, Comparable, Strideable, Sendable {
  package let number: Int

  package init(_ number: Int) {
    self.number = number
  }

  package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

  package func distance(to other: Self) -> Int { other.number - number }

  package func advanced(by count: Int) -> Self { Self(number + count) }
}

/// The documents of a window, in the corpus's order.
package enum WindowDocuments {}
/// The distinct texts of a window that are to be computed, in the order of their first documents.
package enum WindowTexts {}
/// The nodes of a window's `PrefixTree`.
package enum TreeNodes {}
/// The prefixes that a window's schedule runs once.
package enum SharedPrefixes {}
/// What its schedule runs of single texts.
package enum TextRests {}
/// The prefixes that a window keeps for the next one.
package enum KeptPrefixes {}

package typealias DocumentIndex = ListIndex<WindowDocuments>
package typealias TextIndex = ListIndex<WindowTexts>
package typealias NodeIndex = ListIndex<TreeNodes>
package typealias PrefixIndex = ListIndex<SharedPrefixes>
package typealias RestIndex = ListIndex<TextRests>
package typealias KeptIndex = ListIndex<KeptPrefixes>

/// The token ids of a window's texts.
package typealias TextList = IndexedList<WindowTexts, [Int32]>

/// An array that is asked with the places of one list alone.
package struct IndexedList<List, Element>: RandomAccessCollection, MutableCollection,
  ExpressibleByArrayLiteral
{
  package typealias Index = ListIndex<List>
  package typealias Indices = Range<Index>

  private var elements: [Element]

  package init(_ elements: some Sequence<Element>) {
    self.elements = Array(elements)
  }

  package init(repeating element: Element, count: Int) {
    elements = [Element](repeating: element, count: count)
  }

  package init(arrayLiteral elements: Element...) {
    self.elements = elements
  }

  package var startIndex: Index { Index(0) }
  package var endIndex: Index { Index(elements.count) }

  package subscript(index: Index) -> Element {
    get { elements[index.number] }
    set { elements[index.number] = newValue }
  }

  /// Adds an element, and says its place.
  @discardableResult
  package mutating func append(_ element: Element) -> Index {
    elements.append(element)
    return Index(elements.count - 1)
  }
}

extension IndexedList: Sendable where Element: Sendable {}
extension IndexedList: Equatable where Element: Equatable {}
