import Architectures
import ModelFiles
import TestSupport
import Testing

/// A family's identity is part of every cache's key: its text is what it was when the family came.
@Suite struct IdentityTests {
  private func read(_ text: String) throws -> any Architecture {
    try TemporaryFolder.with { folder in
      try ArchitectureRegistry.builtIn.configuration(
        ConfigurationReader(path: folder.write("config.json", text)))
    }
  }

  @Test(arguments: [
    (
      #"""
      {"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
      "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "eos_token_id": 2,
      "max_position_embeddings": 512, "rms_norm_eps": 1e-05, "tie_word_embeddings": true}
      """#,
      #"{"architecture":"llama","attentionBias":false,"attentionKinds":[],"headCount":4,"#
        + #""headSize":16,"hiddenSize":64,"intermediateSize":96,"keyValueHeadCount":2,"#
        + #""layerCount":3,"layerNormEpsilon":0.0,"rmsNormEpsilon":1e-05,"ropeTheta":10000.0,"#
        + #""tiedEmbeddings":true,"vocabularySize":100,"windowSize":0}"#
    ),
    (
      #"""
      {"model_type": "qwen2", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 1, "vocab_size": 100, "rope_theta": 1000000.0,
      "max_position_embeddings": 512, "rms_norm_eps": 1e-06, "tie_word_embeddings": false}
      """#,
      #"{"architecture":"qwen2","attentionBias":true,"attentionKinds":[],"headCount":4,"#
        + #""headSize":16,"hiddenSize":64,"intermediateSize":96,"keyValueHeadCount":1,"#
        + #""layerCount":2,"layerNormEpsilon":0.0,"rmsNormEpsilon":1e-06,"ropeTheta":1000000.0,"#
        + #""tiedEmbeddings":false,"vocabularySize":100,"windowSize":0}"#
    ),
    (
      #"""
      {"model_type": "gpt_neo", "hidden_size": 64, "num_layers": 2, "num_heads": 4,
      "vocab_size": 100, "max_position_embeddings": 512, "window_size": 32,
      "attention_types": [[["global", "local"], 1]], "activation_function": "gelu_new",
      "layer_norm_epsilon": 1e-05}
      """#,
      #"{"architecture":"gpt_neo","attentionBias":false,"attentionKinds":["global","local"],"#
        + #""headCount":4,"headSize":16,"hiddenSize":64,"intermediateSize":256,"#
        + #""keyValueHeadCount":4,"layerCount":2,"layerNormEpsilon":1e-05,"rmsNormEpsilon":0.0,"#
        + #""ropeTheta":0.0,"tiedEmbeddings":true,"vocabularySize":100,"windowSize":32}"#
    ),
    (
      #"""
      {"model_type": "bert", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
      "num_attention_heads": 4, "vocab_size": 100, "max_position_embeddings": 512,
      "type_vocab_size": 2, "layer_norm_eps": 1e-12}
      """#,
      #"{"architecture":"bert","headCount":4,"hiddenSize":64,"intermediateSize":96,"#
        + #""layerCount":2,"layerNormEpsilon":1e-12,"maximumPositions":512,"typeCount":2,"#
        + #""vocabularySize":100}"#
    ),
  ])
  func everyFamilysTextIsPinned(_ configuration: String, _ identity: String) throws {
    #expect(try read(configuration).identityJSON == identity)
  }
}
