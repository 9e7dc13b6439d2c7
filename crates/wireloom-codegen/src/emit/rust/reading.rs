//! Ways to read a value, and how each is written where a result, a value or a function is wanted.

use proc_macro2::TokenStream;
use quote::quote;

/// How a value is read from `reader`.
pub(super) enum Reading {
    /// By a function of the reader.
    Function(TokenStream),
    /// By an expression of type `Read<T>`.
    Result(TokenStream),
    /// By statements, and an expression of type `Read<T>` after them.
    ResultAfter(TokenStream, TokenStream),
    /// By statements, and an expression of type `T` after them.
    ValueAfter(TokenStream, TokenStream),
}

impl Reading {
    /// As the end of a function.
    pub(super) fn body(self) -> TokenStream {
        match self {
            Self::Function(path) => quote!(#path(reader)),
            Self::Result(read) => read,
            Self::ResultAfter(steps, read) => quote!(#steps #read),
            Self::ValueAfter(steps, value) => quote!(#steps ::std::result::Result::Ok(#value)),
        }
    }

    /// As something that can be called with the reader.
    pub(super) fn callable(self) -> TokenStream {
        match self {
            Self::Function(path) => path,
            Self::Result(read) => quote!(|reader| #read),
            steps => {
                let body = steps.body();
                quote!(|reader| { #body })
            }
        }
    }

    /// As a value, in a function that returns `Read`.
    pub(super) fn value(self) -> TokenStream {
        match self {
            Self::Function(path) => quote!(#path(reader)?),
            Self::Result(read) => quote!(#read?),
            Self::ResultAfter(steps, read) => quote!({ #steps #read? }),
            Self::ValueAfter(steps, value) => quote!({ #steps #value }),
        }
    }

    /// With the value turned into another by a constructor.
    pub(super) fn map(self, map: &TokenStream) -> Self {
        match self {
            Self::Function(path) => Self::Result(quote!(#path(reader).map(#map))),
            Self::Result(read) => Self::Result(quote!(#read.map(#map))),
            Self::ResultAfter(steps, read) => Self::ResultAfter(steps, quote!(#read.map(#map))),
            Self::ValueAfter(steps, value) => Self::ValueAfter(steps, quote!(#map(#value))),
        }
    }
}
