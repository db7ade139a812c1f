/// One turn of a conversation. `role` is `system`, `user` or `assistant`.
public struct ChatMessage: Codable, Equatable, Sendable {
  public let role: String
  public let content: String

  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}
