import FeatureCache
import Identity

/// A document, and whether its states are still to be computed: they are not where the cache has
/// them, or an earlier document of this corpus brings them.
struct SurveyedDocument: Equatable, Sendable {
  var document: CacheDocument
  var isNew: Bool
}

/// Consecutive documents of a corpus, with the texts among them that are to be computed.
struct CorpusWindow: Sendable {
  var documents: IndexedList<WindowDocuments, CacheDocument> = []
  /// Distinct texts, in the order of their first documents.
  var texts: TextList = []
  /// For each document its text; `nil` where nothing is to be computed for it.
  var textOf: IndexedList<WindowDocuments, TextIndex?> = []
  /// For each text where its first document is, to name it in errors.
  var places: IndexedList<WindowTexts, String> = []
  /// What is run for the texts.
  var schedule = PrefixSchedule()

  /// The window without the documents whose states come from elsewhere.
  var computedAlone: CorpusWindow {
    var window = self
    let own = documents.indices.filter { textOf[$0] != nil }
    window.documents = IndexedList(own.map { documents[$0] })
    window.textOf = IndexedList(own.map { textOf[$0] })
    return window
  }
}

/// Cuts a corpus into windows. The cuts follow from the documents alone, so that a plan and a run make
/// the same ones.
struct WindowCutter {
  private let coverage: Coverage
  private var planner: PrefixPlanner
  /// Where a window ends: tokens to compute, whether shared or not; bytes of text; documents.
  private let limit: (tokens: Int, bytes: Int, documents: Int)
  private var window = CorpusWindow()
  /// Where the window has a text.
  private var textIndices: [[Int32]: TextIndex] = [:]
  private var size = (tokens: 0, bytes: 0)

  /// - Parameter width: of a state, which bounds how many of them may wait for their documents' turn.
  init(_ planner: PrefixPlanner, coverage: Coverage, width: Int) {
    self.planner = planner
    self.coverage = coverage
    limit = (min(max((64 << 20) / (4 * max(width, 1)), 4096), 32_768), 8 << 20, 4096)
  }

  /// Adds a document, and returns the window that it filled, if it did.
  mutating func add(_ surveyed: SurveyedDocument) -> CorpusWindow? {
    let document = surveyed.document
    let ids = document.ids(coverage)
    var text = textIndices[ids]
    if text == nil, surveyed.isNew {
      text = window.texts.append(ids)
      textIndices[ids] = text
      window.places.append(document.place)
      size.tokens += ids.count
    }
    window.documents.append(document)
    window.textOf.append(text)
    size.bytes += document.textBytes
    guard
      size.tokens >= limit.tokens || size.bytes >= limit.bytes
        || window.documents.count >= limit.documents
    else { return nil }
    return finish()
  }

  /// Ends the window that is begun, and returns it; `nil` when there is none.
  mutating func finish() -> CorpusWindow? {
    guard !window.documents.isEmpty else { return nil }
    var full = window
    full.schedule = planner.schedule(full.texts)
    window = CorpusWindow()
    textIndices.removeAll(keepingCapacity: true)
    size = (0, 0)
    return full
  }
}
