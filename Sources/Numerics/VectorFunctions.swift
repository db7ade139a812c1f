import CKernels
import Foundation

// Loops over rows, thin names for the C kernels. `n` counts elements; see CKernels.h for the order
// of each sum and the error of each function.

@inlinable public func dot(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Float
{
  kernels.pointee.dot(n, x, y)
}

@inlinable public func sum(_ n: Int, _ x: UnsafePointer<Float>) -> Float {
  kernels.pointee.sum(n, x)
}

@inlinable public func sumOfSquares(_ n: Int, _ x: UnsafePointer<Float>) -> Float {
  kernels.pointee.sum_of_squares(n, x)
}

/// y += alpha · x, one fused multiply-add an element.
@inlinable public func axpy(
  _ n: Int, _ alpha: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
) {
  kernels.pointee.axpy(n, alpha, x, y)
}

/// y = eˣ element by element; `y` may be `x`. So for the next three.
@inlinable public func exp(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  kernels.pointee.exp(n, x, y)
}

@inlinable public func tanh(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  kernels.pointee.tanh(n, x, y)
}

@inlinable public func erf(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  kernels.pointee.erf(n, x, y)
}

@inlinable public func sigmoid(
  _ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
) {
  kernels.pointee.sigmoid(n, x, y)
}

/// x = softmax(x) in place; returns log Σ eˣ.
@inlinable @discardableResult
public func softmax(_ n: Int, _ x: UnsafeMutablePointer<Float>) -> Float {
  kernels.pointee.softmax(n, x)
}

func logarithm(_ x: Double) -> Double { Foundation.log(x) }
