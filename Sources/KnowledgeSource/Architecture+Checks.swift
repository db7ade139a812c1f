import Architectures

extension Architecture {
  /// Throws unless `ids`, from position `start` on, are in the vocabulary and within the positions.
  func check(_ ids: [Int32], from start: Int = 0) throws(KnowledgeSourceError) {
    try check(length: start + ids.count)
    let vocabulary = 0..<vocabularySize
    for (index, id) in ids.enumerated() where !vocabulary.contains(Int(id)) {
      throw .tokenOutOfRange(id: id, position: start + index, vocabularySize: vocabularySize)
    }
  }

  /// Throws unless a document of so many tokens is within the positions.
  func check(length: Int) throws(KnowledgeSourceError) {
    guard length <= maximumPositions else {
      throw .tooLong(count: length, maximumPositions: maximumPositions)
    }
  }

  /// Throws unless there is such a layer, the embedding being the first.
  func check(layer: Int) throws(KnowledgeSourceError) {
    guard (0...layerCount).contains(layer) else {
      throw .layerOutOfRange(layer: layer, layerCount: layerCount)
    }
  }
}
