import FeatureCache

extension TransformFamily: FittingCodecFamily {
  public func fit(_ choices: [CodecChoice], on ground: FittingGround) throws -> [any StateCodec] {
    let fitting = try CodecFitting(
      ground.source, layer: ground.layer, normalized: ground.normalized, sample: ground.sample,
      check: ground.check)
    var codecs: [any StateCodec] = []
    for choice in choices {
      let codec = try fitting.codec(
        allowance: choice.allowance ?? 0, salt: ground.salt, note: ground.note,
        check: ground.check)
      let own = try fitting.bytesPerToken(codec)
      let standard = try fitting.bytesPerToken(CodecRegistry.standard)
      if own > standard {
        ground.note(
          "\(choice) takes \(Int(own)) bytes a token here, \(CodecRegistry.standard.name) \(Int(standard)): "
            + "fit it on more text, or on text more like the corpus")
      }
      codecs.append(codec)
    }
    return codecs
  }
}
