import Architectures
import Layers
import ModelFiles
import Numerics
import TestSupport
import Testing

@Suite("BERT's configuration")
struct BERTTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let members = [
    ("model_type", "\"bert\""), ("architectures", "[\"BertModel\"]"), ("hidden_size", "64"),
    ("intermediate_size", "96"), ("num_hidden_layers", "3"), ("num_attention_heads", "4"),
    ("vocab_size", "100"), ("max_position_embeddings", "512"), ("type_vocab_size", "2"),
    ("layer_norm_eps", "1e-12"), ("hidden_act", "\"gelu\""),
    ("position_embedding_type", "\"absolute\""), ("is_decoder", "false"),
  ]

  /// The members, some changed; a change to nil removes the key.
  private func read(_ changes: [String: String?] = [:]) throws -> any Architecture {
    var members = Self.members.filter { changes[$0.0] == nil }
    for (key, value) in changes {
      if let value { members.append((key, value)) }
    }
    let text = "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    return try ArchitectureRegistry.builtIn.configuration(
      ConfigurationReader(path: folder.write("config.json", text)))
  }

  @Test("all-MiniLM-L6-v2's keys, and what transformers takes for absent ones")
  func reading() throws {
    let bert = try #require(try read() as? BERT)
    #expect(bert.visibility == .document && bert.layerCount == 3 && bert.maximumPositions == 512)
    #expect(bert.finalNorm == nil && bert.outputHead == nil && !bert.hasFinalNorm)
    #expect(bert.beginTokenID == nil && bert.endTokenIDs.isEmpty)
    let block = bert.block(2)
    #expect(block.arrangement == .after && block.norm == .layer(epsilon: 1e-12))
    #expect(block.attention.mask == .all && block.attention.rotary == nil)
    #expect(block.attention.heads.queryScale == 0.25)
    #expect(block.attention.query.name == "encoder.layer.2.attention.self.query")
    guard case .plain(.exact, 96, _, _) = block.feedForward else {
      Issue.record("\(block.feedForward)")
      return
    }
    let absent = try read([
      "layer_norm_eps": nil, "type_vocab_size": nil, "max_position_embeddings": nil,
      "hidden_act": nil, "position_embedding_type": nil, "is_decoder": nil, "architectures": nil,
    ])
    #expect(absent.isEqual(to: bert))
    #expect(try !read(["type_vocab_size": "3"]).isEqual(to: bert))
  }

  @Test(
    "what is not computed is refused by name",
    arguments: [
      ("hidden_act", "\"gelu_new\""), ("hidden_act", "\"relu\""), ("hidden_act", "7"),
      ("is_decoder", "true"), ("position_embedding_type", "\"relative_key\""),
      ("position_embedding_type", "\"relative_key_query\""), ("add_cross_attention", "true"),
      ("is_encoder_decoder", "true"), ("use_bidirectional_attention", "true"),
      ("quantization_config", #"{"quant_method":"gptq"}"#),
      ("architectures", "[\"BertLMHeadModel\"]"), ("architectures", "[\"RobertaModel\"]"),
      ("model_type", "\"roberta\""), ("model_type", "\"distilbert\""),
    ])
  func refusals(key: String, value: String) {
    expectError("config.json", key) { try read([key: value]) }
  }

  @Test(
    "sizes out of bounds",
    arguments: [
      ("hidden_size", "0"), ("hidden_size", "-64"), ("hidden_size", "9223372036854775807"),
      ("hidden_size", "\"64\""), ("intermediate_size", "0"), ("num_hidden_layers", "0"),
      ("num_hidden_layers", "1000000000"), ("num_attention_heads", "0"),
      ("num_attention_heads", "3"), ("num_attention_heads", "-9223372036854775808"),
      ("head_dim", "32"), ("head_dim", "9223372036854775807"), ("vocab_size", "-1"),
      ("max_position_embeddings", "0"), ("max_position_embeddings", "1e30"),
      ("type_vocab_size", "0"), ("type_vocab_size", "65537"), ("layer_norm_eps", "0"),
      ("layer_norm_eps", "-1e-12"),
    ])
  func sizes(key: String, value: String) {
    expectError("config.json") { try read([key: value]) }
  }

  @Test(
    "absent keys are named",
    arguments: [
      "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
    ])
  func absent(key: String) {
    expectError(key, "missing") { try read([key: nil]) }
  }
}
