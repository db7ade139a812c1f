import FeatureCache
import Foundation

/// The corpus as it was read and encoded once: a file of documents that is written by the survey and
/// read by the run, so that no text is tokenized twice.
///
/// It has no name from the moment it is made, and so is gone however the program ends. Token ids take
/// one to three bytes. One thread at a time.
// Sendable: handed from one thread to the next, never used by two.
final class DocumentSpool: @unchecked Sendable {
  private let file: UnsafeMutablePointer<FILE>
  private let folder: String
  private var corpora: [String] = []
  private var buffer: [UInt8] = []
  private var left = 0

  /// Makes one on the disk that a cache at `path` is for, or where that can't be, in the folder for
  /// temporary files.
  init(near path: String) throws(PrecomputeError) {
    var folder = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
    while !FileManager.default.fileExists(atPath: folder), folder.count > 1 {
      folder = (folder as NSString).deletingLastPathComponent
    }
    if access(folder, W_OK) != 0 { folder = NSTemporaryDirectory() }
    var name = Array((folder + "/.denju-spool-XXXXXX").utf8CString)
    // Mode 0600: it holds the corpus's text.
    let descriptor = mkstemp(&name)
    guard descriptor >= 0, let file = fdopen(descriptor, "w+") else {
      throw .spool(folder: folder, reason: String(cString: strerror(errno)))
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(name)
    self.file = file
    self.folder = folder
  }

  deinit { fclose(file) }

  // MARK: Writing

  func append(_ surveyed: SurveyedDocument) throws(PrecomputeError) {
    let document = surveyed.document
    let corpus = corpora.firstIndex(of: document.corpus) ?? corpora.count
    if corpus == corpora.count { corpora.append(document.corpus) }
    let split = DocumentSplit.allCases.firstIndex(of: document.split) ?? 0
    buffer.removeAll(keepingCapacity: true)
    add(surveyed.isNew ? 1 : 0)
    let form = DocumentForm.allCases.firstIndex(of: document.form) ?? 0
    for number in [split, corpus, document.line, form] { add(number) }
    // One more than its bytes, since it may be empty; 0: it is the prompt.
    add(document.givenPrompt.map { $0.count + 1 } ?? 0)
    buffer += document.givenPrompt ?? []
    for (text, ids) in [
      (document.prompt, document.promptIDs), (document.response, document.responseIDs),
    ] {
      add(text.count)
      buffer += text
      add(ids.count)
      for id in ids { add(Int(id)) }
    }
    guard fwrite(buffer, 1, buffer.count, file) == buffer.count else { throw failure() }
    left += 1
  }

  /// Seven bits a byte, the lowest first; the last byte's highest bit is clear.
  private func add(_ number: Int) {
    var rest = UInt(bitPattern: number)
    while rest >= 0x80 {
      buffer.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    buffer.append(UInt8(truncatingIfNeeded: rest))
  }

  // MARK: Reading

  /// Ends the writing: reading begins with the first document.
  func rewind() throws(PrecomputeError) {
    guard fflush(file) == 0, fseek(file, 0, SEEK_SET) == 0 else { throw failure() }
  }

  /// The next document; nil after the last.
  func next() throws(PrecomputeError) -> SurveyedDocument? {
    guard left > 0 else { return nil }
    left -= 1
    let isNew = try number() == 1
    let split = try number()
    let corpus = try number()
    let line = try number()
    let form = try number()
    let givenCount = try number()
    let given = givenCount > 0 ? try bytes(givenCount - 1) : nil
    let (prompt, promptIDs) = (try bytes(try number()), try ids())
    let (response, responseIDs) = (try bytes(try number()), try ids())
    guard DocumentSplit.allCases.indices.contains(split), corpora.indices.contains(corpus),
      DocumentForm.allCases.indices.contains(form)
    else { throw failure() }
    return SurveyedDocument(
      document: CacheDocument(
        split: DocumentSplit.allCases[split], corpus: corpora[corpus], line: line,
        form: DocumentForm.allCases[form], given: given, prompt: prompt, promptIDs: promptIDs,
        response: response, responseIDs: responseIDs), isNew: isNew)
  }

  private func number() throws(PrecomputeError) -> Int {
    var number: UInt = 0
    var shift: UInt = 0
    while true {
      let byte = getc_unlocked(file)
      guard byte >= 0, shift < 64 else { throw failure() }
      number |= UInt(byte & 0x7F) << shift
      if byte < 0x80 { return Int(bitPattern: number) }
      shift += 7
    }
  }

  private func bytes(_ count: Int) throws(PrecomputeError) -> [UInt8] {
    var read = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, filled in
      read = fread(buffer.baseAddress, 1, buffer.count, file)
      filled = read
    }
    guard read == count else { throw failure() }
    return bytes
  }

  private func ids() throws(PrecomputeError) -> [Int32] {
    let count = try number()
    var ids: [Int32] = []
    ids.reserveCapacity(count)
    for _ in 0..<count { ids.append(Int32(truncatingIfNeeded: try number())) }
    return ids
  }

  private func failure() -> PrecomputeError {
    .spool(folder: folder, reason: errno == 0 ? "it ends early" : String(cString: strerror(errno)))
  }
}
