import Numerics
import Testing

@Suite struct TokenEmbeddingTests {
  let width = 6
  // A token and a position that come twice.
  let tokens: [Int32] = [3, 0, 3, 4], positions: [Int32] = [0, 1, 2, 0]

  @Test func gradients() {
    let table = random(5 * width, seed: 1)
    let places = random(3 * width, seed: 2)
    let c = random(4 * width, seed: 3)
    let x = FloatBuffer(count: 4 * width)
    let dTable = FloatBuffer(count: table.count)
    let dPlaces = FloatBuffer(count: places.count)
    embeddingBackward(dTable: dTable.base, indices: tokens, dx: c.base, width: width)
    embeddingBackward(dTable: dPlaces.base, indices: positions, dx: c.base, width: width)
    func loss() -> Double {
      tokenEmbeddingForward(
        x.base, tokens: tokens, positions: positions, tokenTable: table.base,
        positionTable: places.base, width: width)
      return weighted(c, x)
    }
    checkGradient("dE", table, dTable.array(), loss: loss)
    checkGradient("dP", places, dPlaces.array(), loss: loss)
  }

  @Test func gatheringRowsIsTheTransposeOfScatteringThem() {
    let x = random(5 * width, seed: 4)
    let c = random(4 * width, seed: 5)
    let y = FloatBuffer(count: 4 * width)
    let dx = FloatBuffer(count: x.count)
    embeddingBackward(dTable: dx.base, indices: tokens, dx: c.base, width: width)
    checkGradient("dx", x, dx.array()) {
      gatherRows(y.base, x.base, rows: tokens, width: width)
      return weighted(c, y)
    }
  }
}
