import React from 'react';

export default function Widget({children}) {
  return <i>{children}</i>;
}
